/** Rows for the grader: hostile ones, and GSM8K's published solutions. */
package dev.sphere.lab.grade;
