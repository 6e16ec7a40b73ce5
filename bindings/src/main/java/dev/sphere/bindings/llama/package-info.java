/** Models, adapters, vocabularies, and what decodes with them: llama.cpp, or the decoder for small models. */
package dev.sphere.bindings.llama;
