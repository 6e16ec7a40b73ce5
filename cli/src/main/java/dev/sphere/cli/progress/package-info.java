/** Progress on the terminal: bars, curves, lines of words. */
package dev.sphere.cli.progress;
