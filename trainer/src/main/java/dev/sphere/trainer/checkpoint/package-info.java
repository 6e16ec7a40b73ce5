/** What a training run keeps in its folder: checkpoints, metrics, and what a run is made of. */
package dev.sphere.trainer.checkpoint;
