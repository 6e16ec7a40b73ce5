/** Models, adapters and process reward models in GGUF files. A file is checked here before native code opens it. */
package dev.sphere.gguf.model;
