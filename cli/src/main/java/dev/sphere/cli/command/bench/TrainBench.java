package dev.sphere.cli.command.bench;

import dev.sphere.base.FreeMemory;
import dev.sphere.base.Scratch;
import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.autodiff.MatmulPrecision;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.ExampleEncoder;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.Packing;
import dev.sphere.trainer.data.PackingStats;
import dev.sphere.trainer.data.RowReader;
import dev.sphere.trainer.data.RowReport;
import dev.sphere.trainer.data.TextEncoder;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.data.TreePacker;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.Trainer;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.model.GraphModel;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.model.TrainableModels;
import dev.sphere.trainer.objective.DpoObjective;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Times DPO steps as training makes them (reference and policy forward, backward, AdamW), on random pairs of a given
 * length or on the pairs of a search. lab/pytorch does the same steps in PyTorch.
 */
public final class TrainBench {
  /**
   * The steps that are timed.
   *
   * @param model a GGUF file
   * @param pairsFile preference rows or pairs of a search; null for random tokens
   * @param pairs of a step
   * @param length tokens of a random sequence
   * @param prompt tokens of a random prompt, of which none is predicted
   * @param steps timed, after one to warm up
   * @param rank of the adapter; 0: all weights are trained
   * @param sharing what computes common beginnings once
   * @param products what factors are rounded to
   * @param activationMib memory that activations may take; 0: the default
   * @param threads that compute
   */
  public record Plan(
      Path model,
      Path pairsFile,
      int pairs,
      int length,
      int prompt,
      int steps,
      int rank,
      Packing.Sharing sharing,
      MatmulPrecision products,
      int activationMib,
      int threads) {}

  private static final int MOST_TOKENS = 2048;

  private final Plan plan;

  public TrainBench(Plan plan) {
    if (plan.pairs < 1 || plan.steps < 1 || plan.prompt < 1 || plan.prompt >= plan.length) {
      throw new IllegalArgumentException("pairs and steps must be at least 1, the prompt shorter than the length");
    }
    this.plan = plan;
  }

  /** Runs the steps. @return the figures by name, as {@code --json} prints them */
  public Map<String, Object> run() {
    Packing most = Packing.defaults().withSharing(plan.sharing);
    try (GgufFile file = GgufFile.openModel(plan.model)) {
      return run(file, most.withFillTokens(TrainableModels.wholeTokens(file, options(most))));
    }
  }

  private Map<String, Object> run(GgufFile file, Packing packing) {
    TrainSettings settings = TrainSettings.defaults(1e-5)
        .withPacking(packing)
        .withBatchSize(plan.pairs)
        .withMaxSteps(plan.steps + 1)
        .withOrder(TrainSettings.Order.GIVEN)
        .withCheckpoints(0, 1)
        .withThreads(plan.threads);
    Map<String, Object> report = new LinkedHashMap<>();
    try (GraphModel model = TrainableModels.open(file, options(packing))) {
      List<Example.Preference> examples = examples(model.architecture().vocabulary());
      List<Double> seconds = new ArrayList<>();
      List<Double> rates = new ArrayList<>();
      TrainingListener listener = new TrainingListener() {
        private long last = System.nanoTime();

        @Override
        public void step(StepMetrics metrics, int total) {
          if (metrics.step() > 1) {
            rates.add(metrics.get("tokens_per_second"));
            seconds.add((System.nanoTime() - last) / 1e9);
          }
          last = System.nanoTime();
        }
      };
      try (Scratch scratch = new Scratch()) {
        RunOptions options = RunOptions.in(scratch.folder()).withListener(listener);
        new Trainer<>(new DpoObjective(model, LossSettings.defaults()), examples, settings, options).run();
      }
      PackingStats stats = PackingStats.NONE;
      double flops = 0;
      for (int step = 1; step <= plan.steps; step++) {
        for (MicroBatch m : new TreePacker(packing).pack(batch(examples, step))) {
          stats = stats.plus(m.stats());
          flops += (plan.rank > 0 ? 3 : 4) * model.forwardFlops(m.batch());
        }
      }
      double total = seconds.stream().mapToDouble(Double::doubleValue).sum();
      rates.sort(Comparator.naturalOrder());
      report.put("tokens_per_second", rates.get(rates.size() / 2));
      report.put("slowest", rates.getFirst());
      report.put("fastest", rates.getLast());
      report.put("tokens", stats.tokens());
      report.put("seconds", total);
      report.put("tokens_saved", stats.saved());
      report.put("padding", stats.padding());
      report.put("gflops", flops / total / 1e9);
      report.put("peak_mib", FreeMemory.peak() >> 20);
      report.put("weights_mib", model.weightBytes() >> 20);
      report.put("scratch_mib", model.scratchBytes() >> 20);
    }
    return report;
  }

  private ModelOptions options(Packing packing) {
    ModelOptions options = plan.rank > 0
        ? ModelOptions.lora(plan.rank, 2f * plan.rank, ModelOptions.LINEAR_LAYERS, 0, plan.threads)
        : ModelOptions.full(plan.threads);
    options = options.withMicroTokens(packing.microBatchTokens()).withProducts(plan.products).withContext(MOST_TOKENS);
    return plan.activationMib > 0 ? options.withActivationBytes((long) plan.activationMib << 20) : options;
  }

  private List<Example.Preference> batch(List<Example.Preference> examples, int step) {
    int perEpoch = (examples.size() + plan.pairs - 1) / plan.pairs;
    int from = step % perEpoch * plan.pairs;
    return examples.subList(from, Math.min(from + plan.pairs, examples.size()));
  }

  private List<Example.Preference> examples(int vocabulary) {
    if (plan.pairsFile != null) {
      RowReport report = new RowReport(plan.pairsFile.toString(), RowReport.OnBadRow.SKIP);
      try (Model model = Model.loadVocabulary(plan.model)) {
        ChatTemplate template = ChatTemplate.of(model);
        TextEncoder encoder = TextEncoder.of(model.vocabulary(), messages -> template.prompt(messages, true));
        List<Example.Preference> examples = new ExampleEncoder(encoder, MOST_TOKENS, report)
            .preferences(new RowReader(encoder, report).preferences(plan.pairsFile));
        if (examples.isEmpty()) {
          throw new IllegalArgumentException("there is nothing to train on: " + report.summary());
        }
        return examples;
      }
    }
    SplittableRandom random = new SplittableRandom(1);
    List<Example.Preference> examples = new ArrayList<>();
    for (int i = 0; i < plan.pairs * (plan.steps + 1); i++) {
      int[] prompt = random.ints(plan.prompt, 0, vocabulary).toArray();
      // The last token of a sequence is only predicted, so there is one more than are computed.
      TrainingSequence[] both = new TrainingSequence[2];
      for (int k = 0; k < 2; k++) {
        both[k] = TrainingSequence.of(prompt, random.ints(plan.length - plan.prompt, 0, vocabulary).toArray());
      }
      examples.add(new Example.Preference("pair " + i, "tree " + i, both[0], both[1]));
    }
    return examples;
  }
}
