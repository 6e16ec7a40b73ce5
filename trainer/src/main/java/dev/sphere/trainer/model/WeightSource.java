package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import java.util.Set;

/** The source of a model's weights, by GGUF tensor names. */
public interface WeightSource {
  Set<String> names();

  TensorType type(String name);

  /** Sizes, contiguous dimension first. */
  long[] shape(String name);

  /** Fills a tensor of the same shape, of the stored type or F32. */
  void load(String name, Tensor target);
}
