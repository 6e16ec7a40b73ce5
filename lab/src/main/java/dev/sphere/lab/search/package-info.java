/** Studies of the search itself. */
package dev.sphere.lab.search;
