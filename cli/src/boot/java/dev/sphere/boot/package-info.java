/** The entry point of the jar, for Java 8 and newer: tells an older JVM what is needed. */
package dev.sphere.boot;
