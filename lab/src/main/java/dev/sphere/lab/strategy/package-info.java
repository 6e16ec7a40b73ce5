/** Search strategies compared on the same problems at the same budget of tokens: {@code lab/run compare}. */
package dev.sphere.lab.strategy;
