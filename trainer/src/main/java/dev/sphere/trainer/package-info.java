/** Sphere: trainer. */
package dev.sphere.trainer;
