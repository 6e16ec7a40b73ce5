/** Ways to spend a budget of tokens on a problem: the paper's search, and what others do, over the same engine. */
package dev.sphere.engine.strategy;
