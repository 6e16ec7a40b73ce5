package dev.sphere.lab.agree;

import java.util.List;

/**
 * The prompts decoded by one engine at one precision.
 *
 * @param name names the engine, and the precision where there are several
 * @param generated the greedy tokens of each prompt
 * @param logProbs natural-log probabilities of each prompt: of its tokens but the first, then of its greedy tokens
 */
record DecodedRun(String name, List<int[]> generated, List<double[]> logProbs) {}
