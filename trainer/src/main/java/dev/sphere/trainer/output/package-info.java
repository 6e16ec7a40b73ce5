/** What training leaves: LoRA adapters and whole models as GGUF, each with its provenance. */
package dev.sphere.trainer.output;
