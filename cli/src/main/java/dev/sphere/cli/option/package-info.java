/** Groups of options that several commands have. */
package dev.sphere.cli.option;
