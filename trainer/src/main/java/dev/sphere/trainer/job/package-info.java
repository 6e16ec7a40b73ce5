/** Training as one call: from a GGUF file and rows to an adapter or a model. */
package dev.sphere.trainer.job;
