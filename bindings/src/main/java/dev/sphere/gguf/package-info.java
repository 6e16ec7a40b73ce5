/** The GGUF format in plain Java: values, types, reading and writing, quantising. It knows no native code. */
package dev.sphere.gguf;
