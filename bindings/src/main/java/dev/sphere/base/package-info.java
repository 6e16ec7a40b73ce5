/**
 * Helpers of all packages that know nothing of models: files, hashes, free memory, work in flight, random bits, text.
 */
package dev.sphere.base;
