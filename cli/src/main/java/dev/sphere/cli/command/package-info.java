/** The commands. */
package dev.sphere.cli.command;
