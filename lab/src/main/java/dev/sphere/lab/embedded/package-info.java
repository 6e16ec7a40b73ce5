/** How the embedded models are made: dialogues, vocabulary and training by {@code lab/recipes/embedded-model.yaml}. */
package dev.sphere.lab.embedded;
