/** The training loop: SFT and DPO, metrics, checkpoints and exact resume. */
package dev.sphere.trainer.loop;
