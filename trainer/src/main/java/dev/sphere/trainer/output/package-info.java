/**
 * The output of training: adapters and models with their provenance, reports with curves, TensorBoard's event files.
 */
package dev.sphere.trainer.output;
