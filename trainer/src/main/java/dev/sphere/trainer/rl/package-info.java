/** Policy gradients on trees of draws: what each draw is worth, the loss, and the loop that draws and learns. */
package dev.sphere.trainer.rl;
