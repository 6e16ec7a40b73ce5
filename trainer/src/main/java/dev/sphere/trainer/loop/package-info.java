/** The training loop: optimizer steps over packed examples, for any objective, with exact resume. */
package dev.sphere.trainer.loop;
