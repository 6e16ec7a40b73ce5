/** The commands that look at and make model files. */
package dev.sphere.cli.command.model;
