/** The three stages that make preference pairs: self-generation, self-correction, diversity; and their run. */
package dev.sphere.engine.stage;
