/** Puts models, rewards, problems and a run directory together: {@code sphere search} and a round of evolution. */
package dev.sphere.engine.run;
