/** Process rewards: Monte Carlo rollouts and the controls. Learned models come in through the interface. */
package dev.sphere.engine.reward;
