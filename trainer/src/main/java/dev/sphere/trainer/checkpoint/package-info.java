/** The files of a training run's folder: checkpoints and metrics, and the identity that both belong to. */
package dev.sphere.trainer.checkpoint;
