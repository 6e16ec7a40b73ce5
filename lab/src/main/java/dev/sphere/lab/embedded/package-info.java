/**
 * How the embedded models are made: dialogues, vocabulary and training by a recipe in
 * {@code lab/recipes}.
 */
package dev.sphere.lab.embedded;
