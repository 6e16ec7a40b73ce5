/** The probe before a search: some whole solutions of each problem, which tell where there is something to learn. */
package dev.sphere.engine.probe;
