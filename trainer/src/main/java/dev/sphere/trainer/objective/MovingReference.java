package dev.sphere.trainer.objective;

import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.loss.LossSettings.Sync;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * TR-DPO's reference (arXiv 2404.09656): a second set of the trained parameters, which follows the policy every few
 * steps. For its log-probabilities the two sets change places in the model.
 */
final class MovingReference implements ReferenceLogProbs {
  private static final int CHUNK = 1 << 16;

  private final TrainableModel model;
  private final Sync sync;
  private final List<NativeFloats> values = new ArrayList<>();

  /** Starts as a copy of the model's present parameters. */
  MovingReference(TrainableModel model, Sync sync) {
    this.model = model;
    this.sync = sync;
    for (Parameter p : model.parameters()) {
      values.add(NativeFloats.allocate(p.value().size()));
    }
    eachChunk((policy, reference) -> System.arraycopy(policy, 0, reference, 0, policy.length));
  }

  @Override
  public float[] of(MicroBatch batch, List<? extends Example> examples) {
    exchange();
    try {
      return model.logProbs(batch.batch(), false);
    } finally {
      exchange();
    }
  }

  @Override
  public void stepped(int step) {
    if (step % sync.steps() == 0) {
      eachChunk((policy, reference) -> {
        for (int i = 0; i < policy.length; i++) {
          reference[i] = (float) (sync.alpha() * policy[i] + (1 - sync.alpha()) * reference[i]);
        }
      });
    }
  }

  private void exchange() {
    eachChunk((policy, reference) -> {
      for (int i = 0; i < policy.length; i++) {
        float swap = policy[i];
        policy[i] = reference[i];
        reference[i] = swap;
      }
    });
  }

  /** Changes parts of the policy's and of the reference's parameters in place. */
  private interface Change {
    void apply(float[] policy, float[] reference);
  }

  private void eachChunk(Change change) {
    List<Parameter> parameters = model.parameters();
    float[] policy = new float[CHUNK];
    float[] reference = new float[CHUNK];
    for (int k = 0; k < values.size(); k++) {
      NativeFloats mine = values.get(k);
      NativeFloats theirs = parameters.get(k).value();
      for (long at = 0; at < mine.size(); at += CHUNK) {
        int n = (int) Math.min(CHUNK, mine.size() - at);
        theirs.read(at, policy, n);
        mine.read(at, reference, n);
        change.apply(policy, reference);
        theirs.write(at, policy, n);
        mine.write(at, reference, n);
      }
    }
  }

  @Override
  public Map<String, NativeFloats> state() {
    Map<String, NativeFloats> state = new LinkedHashMap<>();
    for (int k = 0; k < values.size(); k++) {
      state.put("reference." + model.parameters().get(k).name(), values.get(k));
    }
    return state;
  }

  @Override
  public void close() {
    values.forEach(NativeFloats::close);
  }
}
