/**
 * Evaluation: a policy answers problems greedily and by sampling, and from one set of samples come pass@1, mean@k,
 * pass@k and maj@k with intervals; two evaluations of the same problems are compared pair by pair. Of process rewards:
 * step-level AUC and first errors found.
 */
package dev.sphere.engine.eval;
