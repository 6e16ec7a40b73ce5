/** The commands that serve: the studio, and models for clients of OpenAI's API. */
package dev.sphere.cli.command.web;
