/** The program: all commands under one name, their exit status, how a run is interrupted. */
package dev.sphere.cli;
