/** Commands on runs: what of one is damaged, and making one of several. */
package dev.sphere.cli.command.run;
