/** Measurements of training on this machine, and what a run will take before it is begun. */
package dev.sphere.trainer.bench;
