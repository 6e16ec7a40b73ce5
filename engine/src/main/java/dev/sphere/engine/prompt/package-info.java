/** Prompts: what is said to a model, and the chat template that renders it. */
package dev.sphere.engine.prompt;
