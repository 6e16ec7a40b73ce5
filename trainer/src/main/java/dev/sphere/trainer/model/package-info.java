/** Trainable qwen2, qwen3, llama and phi3 models as ggml graphs: forward, backward, LoRA, gradient checkpointing. */
package dev.sphere.trainer.model;
