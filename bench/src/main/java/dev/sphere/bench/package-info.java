/** JMH benchmarks of the parts; {@code scripts/jmh.sh} runs them and compares with the committed results. */
package dev.sphere.bench;
