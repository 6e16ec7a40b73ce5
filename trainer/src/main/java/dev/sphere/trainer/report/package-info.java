/** What a run shows of itself besides its files of metrics: a page with curves, TensorBoard's event files. */
package dev.sphere.trainer.report;
