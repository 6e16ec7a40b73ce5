package dev.sphere.trainer;

import dev.sphere.bindings.tensor.NativeFloats;

/**
 * A trained tensor and its gradient.
 *
 * @param name the GGUF tensor name, for LoRA with the suffix .lora_a or .lora_b
 * @param shape sizes in ggml's order: the contiguous dimension first
 * @param value F32 master values, which the optimizer changes in place
 * @param gradient of the same size; backward passes add to it until the optimizer clears it
 * @param decay whether weight decay applies (matrices yes, norms and biases no)
 */
public record Parameter(String name, long[] shape, NativeFloats value, NativeFloats gradient, boolean decay) {}
