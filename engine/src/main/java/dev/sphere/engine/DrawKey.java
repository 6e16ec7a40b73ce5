package dev.sphere.engine;

/**
 * Names a stream of random numbers. The token with index i of a generation draws from a counter-based generator at
 * (seed, problem, node, draw, i), so what a node draws depends neither on who shares its batch nor on timing.
 *
 * @param seed the run's seed
 * @param problem a hash of the problem's id
 * @param node identity of the node within the problem's tree (stage, simulation, depth, chain folded by the caller)
 * @param draw index of the candidate or rollout under that node
 */
public record DrawKey(long seed, long problem, long node, int draw) {}
