/** What a user sees while work goes on: bars, curves, lines of words. */
package dev.sphere.cli.progress;
