/** The training loop: steps over packed examples, whatever an objective minimises, with exact resume. */
package dev.sphere.trainer.loop;
