/** The embedded models and problem sets: where they are found, and how one speaks to the models. */
package dev.sphere.engine.embedded;
