/** Problem sets for studies on models that were made elsewhere. */
package dev.sphere.lab.problems;
