/**
 * How the embedded models and the bases of the study of rounds are made: dialogues, vocabulary and training by a recipe in
 * {@code lab/recipes}.
 */
package dev.sphere.lab.embedded;
