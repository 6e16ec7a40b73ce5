/**
 * Chat templates: the part of Jinja2 that they use, with the meaning that Hugging Face's tokenizers give it
 * (trim_blocks, lstrip_blocks, loop controls, an immutable sandbox).
 *
 * <p>A template is a program by a stranger. It computes with texts, integers, booleans, none, lists, dicts and
 * namespaces. Its methods, filters, tests and functions stand in fixed tables; no class is searched by name. {@link
 * dev.sphere.engine.template.RenderBudget} bounds time, memory and depth.
 */
package dev.sphere.engine.template;
