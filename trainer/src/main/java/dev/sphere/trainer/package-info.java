/** The contracts of training: trainable models, their parameters, batches of packed trees. */
package dev.sphere.trainer;
