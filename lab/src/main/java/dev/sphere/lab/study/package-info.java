/** Studies of the method: controls of the demo; tasks in graded classes for the study of rounds. */
package dev.sphere.lab.study;
