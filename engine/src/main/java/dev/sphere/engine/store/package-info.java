/** The run store: a directory of append-only, checksummed JSON Lines that survives kill -9, and its readers. */
package dev.sphere.engine.store;
