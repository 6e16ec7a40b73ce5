/** What every floor needs and that knows nothing of models: files and hashes, free memory, work in flight, random bits, text. */
package dev.sphere.base;
