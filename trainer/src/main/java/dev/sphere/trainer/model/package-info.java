/** Trainable qwen2 and llama models as ggml graphs: forward, backward, LoRA, gradient checkpointing. */
package dev.sphere.trainer.model;
