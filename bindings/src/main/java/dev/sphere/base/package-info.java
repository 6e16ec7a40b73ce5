/** What every floor needs and that knows nothing of models: whole files, hashes, random bits. */
package dev.sphere.base;
