/** Training data: rows to tokens, tokens to packed trees, and the order in which they are seen. */
package dev.sphere.trainer.data;
