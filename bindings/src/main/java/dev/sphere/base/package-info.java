/** What every floor needs and that knows nothing of models: work in flight, hashes, random bits. */
package dev.sphere.base;
