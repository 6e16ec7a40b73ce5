/** Preference losses: TRL's names and definitions, each next to its formula; exact gradients by dual numbers. */
package dev.sphere.trainer.loss;
