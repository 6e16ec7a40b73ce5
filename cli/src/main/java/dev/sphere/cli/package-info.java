/** Sphere: cli. */
package dev.sphere.cli;
