package dev.sphere.trainer.autodiff;

import dev.sphere.bindings.tensor.PlainTransformerOps;
import dev.sphere.bindings.tensor.Rope;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;

/** Transformer parts written with ggml's own operations: the reference that {@link FusedOps} is compared with. */
public final class PlainOps extends Primitives implements Ops {
  private final PlainTransformerOps transformer;
  private Tensor mask;

  public PlainOps(Tape tape) {
    super(tape);
    this.transformer = new PlainTransformerOps(graph);
  }

  /** Libsphere's kernels, or where not {@code fused} these operations. */
  public static Ops.Factory unless(boolean fused) {
    return fused ? FusedOps::new : (tape, products, half) -> new PlainOps(tape);
  }

  @Override
  public Value linear(Value weight, Value x) {
    return mulMat(weight, x);
  }

  @Override
  public Value addLinear(Value y, Value weight, Value x) {
    return add(y, linear(weight, x));
  }

  @Override
  public Value rmsNorm(Value x, Value weight, float eps) {
    return mul(normalize(x, eps), weight);
  }

  @Override
  public Value swiglu(Value gate, Value up) {
    return mul(silu(gate), up);
  }

  @Override
  public Value rows(Value x, Tensor indices) {
    return getRows(x, indices);
  }

  @Override
  public Value attention(Value q, Value k, Value v, Geometry g) {
    int d = g.headSize;
    Value queries = byHead(turned(reshape(q, d, g.heads, q.tensor().size(1)), g), g.heads, g);
    Value keys = byHead(turned(reshape(k, d, g.kvHeads, k.tensor().size(1)), g), g.kvHeads, g);
    // [slots, head size, kv heads, groups]: the sum over seen slots runs along the contiguous dimension
    Value values = cont(permute(reshape(v, d, g.kvHeads, g.slots, g.groups), 1, 2, 0, 3));
    Value scores = mulMat(keys, queries);
    Value seen = softMax(scores, mask(g), (float) (1 / Math.sqrt(d)));
    Value mixed = mulMat(values, seen);
    return reshape(cont(permute(mixed, 0, 2, 1, 3)), (long) d * g.heads, q.tensor().size(1));
  }

  private Value turned(Value a, Geometry g) {
    return rope(a, g.positions(), g.factors, g.rope);
  }

  /** [head size, heads, N] to [head size, slots, heads, groups]. */
  private Value byHead(Value a, int heads, Geometry g) {
    return cont(permute(reshape(a, g.headSize, heads, g.slots, g.groups), 0, 2, 1, 3));
  }

  @Override
  public Tensor logits(Value hidden, Value weight) {
    return graph.mulMat(weight.tensor(), hidden.tensor());
  }

  @Override
  public Tensor logProbs(Tensor logits, Targets targets) {
    return gather(graph.softMax(logits), targets);
  }

  @Override
  public void logProbsBackward(Tensor logits, Tensor logProbs, Value hidden, Value weight, Targets targets) {
    mulMatBack(weight, hidden, logitsGradient(logits, targets));
  }

  @Override
  public Tensor headGradient(Tensor logits, Tensor logProbs, Value weight, Targets targets) {
    return transposedProduct(weight.tensor(), logitsGradient(logits, targets));
  }

  /** d (sum_i w_i log p_i) / d logits = w at the targets - p · (sum of the row's weights). */
  private Tensor logitsGradient(Tensor logits, Targets targets) {
    Tensor p = graph.softMax(logits);
    int vocabulary = (int) p.size(0);
    Tensor w = graph.input(TensorType.F32, vocabulary, targets.rows);
    targets.whenWeighted(weights -> {
      float[] table = new float[Math.multiplyExact(vocabulary, targets.rows)];
      int[] index = flatIndices(targets, vocabulary);
      for (int i = 0; i < index.length; i++) {
        table[index[i]] += weights[i];
      }
      w.write(table);
    });
    return transformer.sub(w, graph.mul(p, graph.sumRows(w)));
  }

  private Tensor gather(Tensor p, Targets targets) {
    Tensor flat = graph.reshape(p, 1, p.elements());
    Tensor index = graph.input(TensorType.I32, targets.count);
    targets.whenWritten(() -> index.write(flatIndices(targets, (int) p.size(0))));
    return graph.log(graph.reshape(graph.getRows(flat, index), targets.count));
  }

  /** F32 [slots (seen), slots (seeing), 1, groups]: 0 where a slot sees another, else minus infinity. */
  private Tensor mask(Geometry g) {
    if (mask == null) {
      Tensor input = graph.input(TensorType.F32, g.slots, g.slots, 1, g.groups);
      g.whenWritten(() -> input.write(maskValues(g.slots, g.parentValues)));
      mask = input;
    }
    return mask;
  }

  private static float[] maskValues(int slots, int[] parents) {
    float[] mask = new float[Math.multiplyExact(parents.length, slots)];
    java.util.Arrays.fill(mask, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < parents.length; i++) {
      int group = i - i % slots;
      for (int a = i % slots; a >= 0; a = parents[group + a]) {
        mask[i * slots + a] = 0;
      }
    }
    return mask;
  }

  private Value normalize(Value a, float eps) {
    return tape.record(
        transformer.rmsNorm(a.tensor(), eps), dy -> tape.give(a, transformer.rmsNormBack(dy, a.tensor(), eps)), a);
  }

  private Value silu(Value a) {
    return tape.record(transformer.silu(a.tensor()), dy -> tape.give(a, transformer.siluBack(dy, a.tensor())), a);
  }

  private Value softMax(Value a, Tensor mask, float scale) {
    Tensor probabilities = transformer.softMax(a.tensor(), mask, scale);
    return tape.record(probabilities, dy -> tape.give(a, transformer.softMaxBack(dy, probabilities, scale)), a);
  }

  private Value rope(Value a, Tensor positions, Tensor factors, Rope settings) {
    return tape.record(
        transformer.rope(a.tensor(), positions, factors, settings),
        dy -> tape.give(a, transformer.ropeBack(dy, positions, factors, settings)),
        a);
  }

  private Value getRows(Value a, Tensor indices) {
    return tape.record(
        graph.getRows(a.tensor(), indices),
        dy -> tape.give(a, transformer.getRowsBack(dy, indices, a.tensor())),
        a);
  }

  private Value permute(Value a, int... axes) {
    int[] inverse = new int[4];
    for (int i = 0; i < 4; i++) {
      inverse[axes[i]] = i;
    }
    return tape.record(transformer.permute(a.tensor(), axes), dy -> tape.give(a, transformer.permute(dy, inverse)), a);
  }

  private Value cont(Value a) {
    return tape.record(graph.cont(a.tensor()), dy -> tape.give(a, dy), a);
  }

  /** The index of each target in the flattened logits [vocabulary, rows]. */
  private static int[] flatIndices(Targets targets, int vocabulary) {
    int[] index = new int[targets.count];
    for (int r = 0; r < targets.rows; r++) {
      for (int i = targets.offsetValues[r]; i < targets.offsetValues[r + 1]; i++) {
        index[i] = Math.addExact(Math.multiplyExact(r, vocabulary), targets.tokenValues[i]);
      }
    }
    return index;
  }
}
