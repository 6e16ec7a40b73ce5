/** Benchmarks that users run: every figure beside its baseline, measured in turns in the same run. */
package dev.sphere.engine.bench;
