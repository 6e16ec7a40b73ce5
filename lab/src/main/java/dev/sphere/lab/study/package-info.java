/** Studies of the method: controls of the demo; tasks in graded classes for the study of rounds; what is backed up; log-probabilities. */
package dev.sphere.lab.study;
