/** How the embedded models are made: {@code recipes/embedded-model.yaml}, from random weights to a GGUF file. */
package dev.sphere.trainer.embedded;
