/** Serves pages and JSON to this machine alone, over the JDK's own HTTP server. */
package dev.sphere.web;
