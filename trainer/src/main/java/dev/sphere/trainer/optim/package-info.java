/** Optimizers, learning-rate schedules and gradient clipping. */
package dev.sphere.trainer.optim;
