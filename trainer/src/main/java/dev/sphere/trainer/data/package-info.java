/** Training data: rows to tokens, tokens to packed trees. */
package dev.sphere.trainer.data;
