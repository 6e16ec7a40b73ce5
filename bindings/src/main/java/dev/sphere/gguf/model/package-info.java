/** What GGUF files hold: models, adapters, process reward models. A file is checked here before native code opens it. */
package dev.sphere.gguf.model;
