/** The objectives of training: preference losses with their references, imitation, step labels. */
package dev.sphere.trainer.objective;
