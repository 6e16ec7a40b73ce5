/** Benchmarks against llama.cpp and against memory, in turns in the same run: {@code lab/run bench}. */
package dev.sphere.lab.bench;
