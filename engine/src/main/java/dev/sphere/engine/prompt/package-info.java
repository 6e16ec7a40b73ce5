/** Prompts of a model, and the chat template that renders them. */
package dev.sphere.engine.prompt;
