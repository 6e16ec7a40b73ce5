/** Searches on Spark: a task is a problem, an executor holds one engine, the driver alone writes the run. */
package dev.sphere.spark;
