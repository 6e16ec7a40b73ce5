/** The commands that measure this machine. */
package dev.sphere.cli.command.bench;
