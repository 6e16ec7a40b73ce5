/** Puts models, rewards, problems and a run directory together: what {@code sphere search} and a round of evolution do. */
package dev.sphere.engine.run;
