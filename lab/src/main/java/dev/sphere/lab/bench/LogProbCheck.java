package dev.sphere.lab.bench;

import dev.sphere.bindings.kernel.TargetLogProbs;
import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.KvType;
import dev.sphere.bindings.llama.Model;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.Packing;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.data.TreePacker;
import dev.sphere.trainer.model.GraphModel;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.model.TrainableModels;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/** The trainer's log-probabilities of a sequence of random tokens against llama.cpp's. */
final class LogProbCheck {
  private LogProbCheck() {}

  /**
   * The largest difference between the trainer's log-probabilities and llama.cpp's. llama.cpp computes with a cache of F32
   * here, since F16 would round keys and values.
   *
   * @param file a GGUF model
   * @param tokens its length, at least 2
   */
  static double difference(Path file, int tokens, int threads) {
    float[] expected = new float[tokens - 1];
    int[] sequence;
    ContextOptions exact = new ContextOptions(tokens, tokens, tokens, 1, threads, true, false, KvType.F32, false);
    try (Model model = Model.load(file);
        Context context = Context.open(model, exact);
        Batch batch = new Batch(tokens);
        TargetLogProbs targets = new TargetLogProbs(tokens)) {
      int vocabulary = model.vocabulary().size();
      sequence = new SplittableRandom(1).ints(tokens, 0, vocabulary).toArray();
      for (int i = 0; i < tokens; i++) {
        batch.add(sequence[i], i, 0, true);
      }
      context.decode(batch);
      for (int i = 0; i < expected.length; i++) {
        targets.add(i, sequence[i + 1]);
      }
      targets.compute(context.logits(), vocabulary, threads);
      for (int i = 0; i < expected.length; i++) {
        expected[i] = targets.logProb(i);
      }
    }
    ModelOptions options = ModelOptions.lora(1, 1, ModelOptions.LINEAR_LAYERS, 0, threads).withContext(tokens);
    try (GraphModel model = TrainableModels.open(file, options)) {
      Example example = new Example.Imitation("", "", new TrainingSequence(sequence, 1));
      MicroBatch m = new TreePacker(Packing.defaults()).pack(List.of(example)).getFirst();
      float[] actual = m.gather(model.logProbs(m.batch(), true), 0, 0);
      double furthest = 0;
      for (int i = 0; i < actual.length; i++) {
        furthest = Math.max(furthest, Math.abs(actual[i] - expected[i]));
      }
      return furthest;
    }
  }
}
