/** Generators of problems: the embedded sets, and sets for studies on models that were made elsewhere. */
package dev.sphere.lab.problems;
