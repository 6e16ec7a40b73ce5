/** JMH benchmarks of the parts; {@code lab/run jmh} runs them and compares with the committed results. */
package dev.sphere.lab.jmh;
