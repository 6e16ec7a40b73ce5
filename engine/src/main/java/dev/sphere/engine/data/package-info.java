/**
 * Problem files: JSON lines, JSON arrays, CSV and Parquet with the field names of the published data sets, read into
 * {@link dev.sphere.engine.Problem}s with the gold answer taken out of its solution where needed.
 */
package dev.sphere.engine.data;
