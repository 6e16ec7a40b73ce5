package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.Backend;
import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorBuffer;
import dev.sphere.bindings.tensor.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * One operation on random inputs: its result, and the gradients of Σ seed ⊙ result by every input. The first inputs are
 * variables, the last {@code parameters} ones are parameters whose gradients start at 1 and are added to.
 */
final class Trial {
  /** Describes the operation. */
  interface Operation {
    Value apply(Ops ops, List<Value> inputs, List<Runnable> writes);
  }

  private Trial() {}

  /** Result, then each input's gradient. */
  static List<float[]> run(boolean fused, int threads, int parameters, List<long[]> shapes, Operation operation) {
    return run(fused ? MatmulPrecision.F32 : null, false, threads, parameters, shapes, operation);
  }

  /**
   * The same.
   *
   * @param products of libsphere's kernels; null: the plain operations
   * @param coarse all numbers have so few bits that BF16 holds them and their products' sums are exact
   */
  static List<float[]> run(
      MatmulPrecision products, boolean coarse, int threads, int parameters, List<long[]> shapes, Operation operation) {
    SplittableRandom random = new SplittableRandom(17);
    List<float[]> results = new ArrayList<>();
    try (Backend backend = Backend.cpu(threads);
        TensorBuffer buffer = new TensorBuffer(backend, 2 * shapes.size() + 1);
        Graph graph = new Graph(backend, 500)) {
      Tape tape = new Tape(graph);
      Ops ops = products != null ? new FusedOps(tape, products, products == MatmulPrecision.BF16) : new PlainOps(tape);
      List<Tensor> tensors = new ArrayList<>();
      List<Tensor> sinks = new ArrayList<>();
      for (int i = 0; i < shapes.size(); i++) {
        tensors.add(buffer.add(TensorType.F32, "input " + i, shapes.get(i)));
        boolean parameter = i >= shapes.size() - parameters;
        sinks.add(parameter ? buffer.add(TensorType.F32, "sink " + i, shapes.get(i)) : null);
      }
      buffer.allocate();
      List<Value> inputs = new ArrayList<>();
      for (int i = 0; i < shapes.size(); i++) {
        tensors.get(i).write(values(random, coarse, tensors.get(i).elements()));
        Tensor sink = sinks.get(i);
        if (sink != null) {
          float[] ones = new float[(int) sink.elements()];
          java.util.Arrays.fill(ones, 1);
          sink.write(ones);
        }
        inputs.add(sink == null ? tape.variable(tensors.get(i)) : tape.parameter(tensors.get(i), sink));
      }
      List<Runnable> writes = new ArrayList<>();
      Value y = operation.apply(ops, inputs, writes);
      graph.keep(y.tensor());
      Tensor seed = graph.input(TensorType.F32, y.tensor().shape());
      tape.backward(y, seed);
      List<Tensor> gradients = new ArrayList<>();
      for (int i = 0; i < inputs.size(); i++) {
        gradients.add(sinks.get(i) != null ? sinks.get(i) : graph.keep(graph.cont(inputs.get(i).gradient())));
      }
      graph.allocate();
      seed.write(values(random, coarse, seed.elements()));
      writes.forEach(Runnable::run);
      graph.compute();
      results.add(y.tensor().read());
      gradients.forEach(g -> results.add(g.read()));
    }
    return results;
  }

  private static float[] values(SplittableRandom random, boolean coarse, long n) {
    float[] v = new float[(int) n];
    for (int i = 0; i < v.length; i++) {
      v[i] = coarse ? random.nextInt(-16, 17) / 16f : 2 * (float) random.nextDouble() - 1;
    }
    return v;
  }
}
