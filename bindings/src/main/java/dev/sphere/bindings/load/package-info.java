/** Finds, checks and loads the native libraries, proves their ABI, and makes every handle of a native function. */
package dev.sphere.bindings.load;
