package dev.sphere.trainer.objective;

import dev.sphere.base.Sha256;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.checkpoint.TensorFile;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.data.TreePacker;
import dev.sphere.trainer.loop.DataOrder;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.TrainingListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * The reference's log-probabilities of all examples, computed once from the starting weights and kept in a file. They
 * are computed in the layout of the first epoch, so that the first loss compares equal bits. The file's name is a
 * hash of the model, the tokens and the layout.
 */
final class ReferenceCache implements ReferenceLogProbs {
  private final Map<Example, float[][]> values = new IdentityHashMap<>();
  private ReferenceLogProbs other;

  private ReferenceCache() {}

  /** Sets the source of log-probabilities of other examples, such as held-out ones. */
  ReferenceCache or(ReferenceLogProbs source) {
    other = source;
    return this;
  }

  /**
   * Reads the cache, or computes and writes it.
   *
   * @param adapter whether the reference is the model with its adapter off; else it is the model's present weights
   */
  static ReferenceCache obtain(
      TrainableModel model, List<? extends Example> examples, TrainSettings settings, Identity identity,
      RunOptions options, boolean adapter) {
    String key = Sha256.of(String.join("|", "2", identity.modelHash(), identity.dataHash(),
        settings.packing().toString(), settings.order() + " " + settings.seed() + " " + settings.batchSize()));
    Path file = options.output().resolve("reference-" + key.substring(0, 16) + ".bin");
    ReferenceCache cache = new ReferenceCache();
    if (Files.exists(file)) {
      try {
        cache.read(file, key, examples);
        return cache;
      } catch (IOException e) {
        options.listener().note("the cached reference " + file + " cannot be used (" + e.getMessage() + "); again");
      }
    }
    cache.compute(model, examples, settings, options.listener(), adapter);
    cache.write(file, key, examples);
    return cache;
  }

  private void compute(
      TrainableModel model, List<? extends Example> examples, TrainSettings settings, TrainingListener listener,
      boolean adapter) {
    DataOrder order = new DataOrder(examples, settings);
    TreePacker packer = new TreePacker(settings.packing());
    int steps = settings.stepsPerEpoch(examples.size());
    for (int step = 0; step < steps; step++) {
      List<Example> batch = order.step(step).stream().<Example>map(examples::get).toList();
      for (MicroBatch m : packer.pack(batch)) {
        float[] logProbs = model.logProbs(m.batch(), adapter);
        for (int i = 0; i < m.examples().length; i++) {
          float[][] sequences = new float[m.predictions()[i].length][];
          for (int s = 0; s < sequences.length; s++) {
            sequences[s] = m.gather(logProbs, i, s);
          }
          values.put(batch.get(m.examples()[i]), sequences);
        }
      }
      listener.reference(step + 1, steps);
    }
  }

  private void write(Path file, String key, List<? extends Example> examples) {
    try (NativeFloats all = NativeFloats.allocate(size(examples))) {
      long at = 0;
      for (Example e : examples) {
        for (float[] sequence : values.get(e)) {
          all.write(at, sequence);
          at += sequence.length;
        }
      }
      TensorFile.write(file, Map.of("key", key), Map.of("log_probs", all));
    }
  }

  private void read(Path file, String key, List<? extends Example> examples) throws IOException {
    TensorFile opened = TensorFile.open(file);
    if (!key.equals(opened.header().path("key").asString(""))) {
      throw new IOException("it belongs to another model or other data");
    }
    try (NativeFloats all = NativeFloats.allocate(size(examples))) {
      opened.restore(Map.of("log_probs", all));
      long at = 0;
      for (Example e : examples) {
        List<float[]> sequences = new ArrayList<>();
        for (TrainingSequence s : e.sequences()) {
          float[] sequence = new float[s.completionLength()];
          all.read(at, sequence);
          at += sequence.length;
          sequences.add(sequence);
        }
        values.put(e, sequences.toArray(float[][]::new));
      }
    }
  }

  private static long size(List<? extends Example> examples) {
    return examples.stream().flatMap(e -> e.sequences().stream()).mapToLong(TrainingSequence::completionLength).sum();
  }

  @Override
  public float[] of(MicroBatch m, List<? extends Example> examples) {
    if (other != null && !values.containsKey(examples.get(m.examples()[0]))) {
      return other.of(m, examples);
    }
    float[] all = new float[m.batch().predictions()];
    for (int i = 0; i < m.examples().length; i++) {
      float[][] sequences = values.get(examples.get(m.examples()[i]));
      for (int s = 0; s < sequences.length; s++) {
        int[] predictions = m.predictions()[i][s];
        for (int t = 0; t < predictions.length; t++) {
          all[predictions[t]] = sequences[s][t];
        }
      }
    }
    return all;
  }
}
