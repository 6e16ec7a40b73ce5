/**
 * GGUF in plain Java: reading, validating, writing, quantising. Whatever llama.cpp is going to open is opened here
 * first, because a file that it trips over can end in an assertion, and an assertion ends the JVM.
 */
package dev.sphere.gguf;
