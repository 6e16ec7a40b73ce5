/** Makes GGUF files: merged models, and random ones. */
package dev.sphere.gguf.make;
