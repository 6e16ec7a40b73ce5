/** Sphere's own tiny models: the word problems that they learn from, their tokenizer, and where they are found. */
package dev.sphere.engine.embedded;
