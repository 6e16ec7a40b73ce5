package dev.sphere.lab.agree;

import java.util.List;

/**
 * What one way of computing says of the prompts.
 *
 * @param name of the way
 * @param generated for each prompt the greedy tokens
 * @param logProbs for each prompt the log-probability of each of its tokens but the first, then of each greedy token
 */
record Said(String name, List<int[]> generated, List<double[]> logProbs) {}
