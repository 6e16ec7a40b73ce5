/** Expressions, and what they are worth: exactly, at a point, as a set of reals, in a unit. */
package dev.sphere.grade.value;
