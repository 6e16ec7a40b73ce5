/** The soak: random trees for as long as it is told. */
package dev.sphere.lab.soak;
