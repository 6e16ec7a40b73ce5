package dev.sphere.trainer.model;

import dev.sphere.base.SplitMix;
import dev.sphere.bindings.tensor.Backend;
import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorBuffer;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.gguf.model.PrmInfo;
import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.autodiff.Ops;
import dev.sphere.trainer.autodiff.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

/** A model's weights and adapters in memory, with the gradients of the trained ones. */
final class Weights implements AutoCloseable {
  static final String LORA_A = ".lora_a";
  static final String LORA_B = ".lora_b";
  /** DoRA's trained length [outputs] of each row. */
  static final String MAGNITUDE = ".lora_magnitude";
  /** Σ W² of each row [outputs], a constant. */
  static final String SQUARES = ".squares";

  /** The reward head's tensors: [width, width], [width], [width, 2], [2]. */
  static final List<String> REWARD = PrmInfo.HEAD_TENSORS;

  private final ModelOptions options;
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private final Map<String, Tensor> gradients = new LinkedHashMap<>();
  private final List<Parameter> parameters = new ArrayList<>();
  private final TensorBuffer values;
  private final TensorBuffer sums;

  Weights(Backend backend, Architecture shape, WeightSource source, ModelOptions options) {
    this.options = options;
    List<String> names = ModelTensors.of(shape, source);
    int capacity = 5 * names.size() + REWARD.size();
    values = new TensorBuffer(backend, capacity);
    sums = new TensorBuffer(backend, capacity);
    try {
      describe(names, source);
      values.allocate();
      sums.allocate();
      for (String name : names) {
        source.load(name, tensors.get(name));
      }
      initialise();
      initialiseMagnitudes(backend);
      for (Map.Entry<String, Tensor> e : gradients.entrySet()) {
        Tensor value = tensors.get(e.getKey());
        boolean vector = value.shape()[1] == 1;
        long[] sizes = Arrays.copyOf(value.shape(), vector ? 1 : 2);
        parameters.add(new Parameter(e.getKey(), sizes, value.floats(), e.getValue().floats(), !vector));
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private void describe(List<String> names, WeightSource source) {
    if (options.lora()) {
      requireTargets(names);
    }
    for (String name : names) {
      long[] sizes = source.shape(name);
      boolean trained = !options.lora() && !ModelTensors.ropeFactors(name);
      add(name, trained || sizes.length == 1 ? TensorType.F32 : source.type(name), trained, sizes);
      if (options.lora() && options.targets().contains(ModelTensors.layerPart(name))) {
        add(name + LORA_A, TensorType.F32, true, sizes[0], options.rank());
        add(name + LORA_B, TensorType.F32, true, options.rank(), sizes[1]);
        if (options.magnitudes()) {
          add(name + MAGNITUDE, TensorType.F32, true, sizes[1]);
          add(name + SQUARES, TensorType.F32, false, sizes[1]);
        }
      }
    }
    if (options.rewardHead()) {
      long width = source.shape(ModelTensors.EMBEDDING)[0];
      add(REWARD.get(0), TensorType.F32, true, width, width);
      add(REWARD.get(1), TensorType.F32, true, width);
      add(REWARD.get(2), TensorType.F32, true, width, 2);
      add(REWARD.get(3), TensorType.F32, true, 2);
    }
  }

  /** Refuses a target that the model lacks, unless all of {@link ModelOptions#LINEAR_LAYERS} are targets. */
  private void requireTargets(List<String> names) {
    Set<String> there = new TreeSet<>();
    names.forEach(name -> there.add(ModelTensors.layerPart(name)));
    there.retainAll(ModelOptions.LINEAR_LAYERS);
    for (String target : new TreeSet<>(options.targets())) {
      if (!there.contains(target) && !options.targets().equals(ModelOptions.LINEAR_LAYERS)) {
        throw new IllegalArgumentException("LoRA is to adapt " + target + ", but this model's layers have " + there);
      }
    }
  }

  private void add(String name, TensorType type, boolean trained, long... sizes) {
    tensors.put(name, values.add(type, name, sizes));
    if (trained) {
      gradients.put(name, sums.add(TensorType.F32, name, sizes));
    }
  }

  /**
   * Draws A uniformly in ± 1 / sqrt(inputs) (Kaiming with a = sqrt 5, as PEFT) and leaves B zero, so that B A is
   * zero. Draws the reward head's weights and biases in the same way (torch's Linear).
   */
  private void initialise() {
    for (String name : new TreeSet<>(tensors.keySet())) {
      if (name.endsWith(LORA_A) || (options.rewardHead() && REWARD.contains(name))) {
        Tensor a = tensors.get(name);
        SplittableRandom random = new SplittableRandom(options.seed() * SplitMix.STEP + name.hashCode());
        long inputs = REWARD.contains(name) ? tensors.get(REWARD.getFirst()).size(0) : a.size(0);
        float bound = (float) (1 / Math.sqrt(inputs));
        float[] start = new float[Math.toIntExact(a.elements())];
        for (int i = 0; i < start.length; i++) {
          start[i] = (2 * (float) random.nextDouble() - 1) * bound;
        }
        a.write(start);
      }
    }
  }

  /** Sets each row's length to its norm, so that DoRA changes nothing at first. */
  private void initialiseMagnitudes(Backend backend) {
    for (String name : List.copyOf(tensors.keySet())) {
      if (!name.endsWith(SQUARES)) {
        continue;
      }
      String weight = name.substring(0, name.length() - SQUARES.length());
      try (Graph graph = new Graph(backend, 8)) {
        Tensor w = tensors.get(weight);
        Tensor plain = w.type() == TensorType.F32 ? w : graph.cast(w, TensorType.F32);
        Tensor sums = graph.keep(graph.sumRows(graph.mul(plain, plain)));
        graph.allocate();
        graph.compute();
        float[] squares = sums.read();
        float[] lengths = new float[squares.length];
        for (int i = 0; i < squares.length; i++) {
          squares[i] = Math.max(squares[i], 1e-30f); // a row of zeros has no direction
          lengths[i] = (float) Math.sqrt(squares[i]);
        }
        tensors.get(name).write(squares);
        tensors.get(weight + MAGNITUDE).write(lengths);
      }
    }
  }

  boolean has(String name) {
    return tensors.containsKey(name);
  }

  Tensor tensor(String name) {
    return tensors.get(name);
  }

  /** The weight as a value: a parameter where it is trained. */
  Value value(Ops ops, String name) {
    Tensor tensor = tensors.get(name);
    Tensor gradient = gradients.get(name);
    return gradient == null ? ops.tape().constant(tensor) : ops.tape().parameter(tensor, gradient);
  }

  /** {@link #rows} without a derivative. */
  Tensor constantRows(Ops ops, String name, int from, int count) {
    return count < 0 ? tensors.get(name) : part(ops, tensors.get(name), from, count);
  }

  /** A view of the rows {@code from .. from + count} of a matrix, or of those elements of a bias; all for count -1. */
  Value rows(Ops ops, String name, int from, int count) {
    if (count < 0) {
      return value(ops, name);
    }
    Tensor gradient = gradients.get(name);
    Tensor part = part(ops, tensors.get(name), from, count);
    return gradient == null
        ? ops.tape().constant(part)
        : ops.tape().parameter(part, part(ops, gradient, from, count));
  }

  private static Tensor part(Ops ops, Tensor tensor, int from, int count) {
    boolean vector = tensor.rows() == 1;
    return vector
        ? ops.tape().graph().slice(tensor, from, count)
        : ops.tape().graph().slice(tensor, from * tensor.size(0), tensor.size(0), count);
  }

  List<Parameter> parameters() {
    return List.copyOf(parameters);
  }

  /** Elements of the layers' matrices without adapters. */
  long layerElements() {
    return tensors.entrySet().stream()
        .filter(e -> ModelOptions.LINEAR_LAYERS.contains(ModelTensors.layerPart(e.getKey())))
        .mapToLong(e -> e.getValue().elements())
        .sum();
  }

  long bytes() {
    return values.bytes() + sums.bytes();
  }

  @Override
  public void close() {
    sums.close();
    values.close();
  }
}
