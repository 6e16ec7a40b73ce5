/** Sphere's side of the comparison of chat templates with Jinja2. */
package dev.sphere.lab.template;
