/** Pruned Monte Carlo tree search: candidates, rewards with the advantage, S_max and S_min, two chains, UCT. */
package dev.sphere.engine.search;
