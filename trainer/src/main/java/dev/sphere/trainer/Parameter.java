package dev.sphere.trainer;

import dev.sphere.bindings.tensor.NativeFloats;

/**
 * A trained tensor and the gradient that backward passes add to.
 *
 * @param name the GGUF tensor name, for LoRA with the suffix .lora_a or .lora_b
 * @param shape sizes in ggml's order: the contiguous dimension first
 * @param value F32 master values, in place
 * @param gradient same size, summed over backward passes until the optimizer clears it
 * @param decay whether weight decay applies (matrices yes, norms and biases no)
 */
public record Parameter(String name, long[] shape, NativeFloats value, NativeFloats gradient, boolean decay) {}
