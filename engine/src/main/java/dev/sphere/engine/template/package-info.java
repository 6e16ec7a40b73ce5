/**
 * Chat templates: the part of Jinja2 that they use, with the meaning that Hugging Face's tokenizers give it (trim_blocks,
 * lstrip_blocks, loop controls, an immutable sandbox).
 *
 * <p>A template is a stranger's program. What it can touch is listed here and nowhere else: values are texts, numbers,
 * booleans, none, lists and dicts; methods, filters, tests and functions stand in fixed tables, as lambdas. Nothing is
 * looked up by name in a class. {@link dev.sphere.engine.template.RenderBudget} bounds time, memory and depth.
 */
package dev.sphere.engine.template;
