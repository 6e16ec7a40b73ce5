/** Sphere's own tiny models: the word problems that they learn from, how one speaks to them, and where they are found. */
package dev.sphere.engine.embedded;
