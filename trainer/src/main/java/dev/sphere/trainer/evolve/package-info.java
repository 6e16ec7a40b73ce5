/** Rounds of evolution: search, train, evaluate, and again from the better policy. */
package dev.sphere.trainer.evolve;
