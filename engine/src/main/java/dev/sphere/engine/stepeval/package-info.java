/** Whether a process reward is worth its price: step-level AUC, first errors found, what best-of-N gains by it. */
package dev.sphere.engine.stepeval;
