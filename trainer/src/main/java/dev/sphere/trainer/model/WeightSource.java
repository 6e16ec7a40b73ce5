package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import java.util.Set;

/** Where a model's weights come from: a GGUF file, or memory. Names are GGUF's. */
public interface WeightSource {
  /** Names of all tensors. */
  Set<String> names();

  /** Type that the tensor is stored in. */
  TensorType type(String name);

  /** Sizes, contiguous dimension first. */
  long[] shape(String name);

  /** Fills a tensor of the same shape, of the stored type or F32. */
  void load(String name, Tensor target);
}
