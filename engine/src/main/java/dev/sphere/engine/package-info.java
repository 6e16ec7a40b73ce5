/**
 * The contracts that search, rewards, evaluation and training speak: policies, paths of tokens, steps, scores, pairs.
 */
package dev.sphere.engine;
