/** What training leaves: adapters and whole models with their provenance, pages with curves, TensorBoard's event files. */
package dev.sphere.trainer.output;
