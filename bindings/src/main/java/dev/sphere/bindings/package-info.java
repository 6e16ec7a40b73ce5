/** Sphere: bindings. */
package dev.sphere.bindings;
