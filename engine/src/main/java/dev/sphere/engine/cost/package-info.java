/** What work costs: how fast it goes, how much is left, and how long that takes, as ranges. */
package dev.sphere.engine.cost;
