/** Answers OpenAI's completion and chat requests with models and adapters, and scores what clients send. */
package dev.sphere.web.serve;
