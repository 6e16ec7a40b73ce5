/** The run store: a directory of append-only, checksummed JSON Lines that survives kill -9, and what is read from it. */
package dev.sphere.engine.store;
