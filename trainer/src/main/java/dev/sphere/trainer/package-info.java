/** The contracts of training: models that can be trained, their parameters, batches of packed trees. */
package dev.sphere.trainer;
