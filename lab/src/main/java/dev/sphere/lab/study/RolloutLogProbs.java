package dev.sphere.lab.study;

import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.trainer.PackedBatch;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.autodiff.MatmulPrecision;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.model.TrainableModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The log-probabilities of the same drawn tokens, as rollouts record them, as scoring computes them, and as the trainer's
 * reference does. {@code lab/run rollout-log-probs} starts it, a process for each kind of activations, and compares.
 */
public final class RolloutLogProbs {
  private static final JsonMapper JSON = JsonMapper.shared();

  /** A drawn answer: the prompt's tokens, its own, and their log-probabilities. */
  private record Row(int[] prompt, int[] tokens, float[] logProbs) {
    int[] all() {
      int[] all = Arrays.copyOf(prompt, prompt.length + tokens.length);
      System.arraycopy(tokens, 0, all, prompt.length, tokens.length);
      return all;
    }

    Row with(float[] values) {
      return new Row(prompt, tokens, values);
    }
  }

  private RolloutLogProbs() {}

  /**
   * {@code draw MODEL ACTIVATIONS OUT.jsonl PROBLEMS N TOKENS}, or {@code score} or {@code train} {@code MODEL ACTIVATIONS OUT.jsonl
   * DRAWN.jsonl}.
   */
  public static void main(String[] args) throws Exception {
    NativeRuntime.require();
    Path model = ModelSource.resolve(args[1]);
    Activations activations = Activations.valueOf(args[2].toUpperCase(Locale.ROOT));
    new Precision(activations).use();
    write(Path.of(args[3]), switch (args[0]) {
      case "draw" -> draw(model, ProblemSource.read(args[4]).subList(0, Integer.parseInt(args[5])), Integer.parseInt(args[6]));
      case "score" -> score(model, read(Path.of(args[4])));
      case "train" -> train(model, activations, read(Path.of(args[4])));
      default -> throw new IllegalArgumentException("draw, score or train, not " + args[0]);
    });
  }

  /** All answers step together, as in a search. */
  private static List<Row> draw(Path model, List<Problem> problems, int tokens) throws Exception {
    List<Row> rows = new ArrayList<>();
    try (BatchedPolicy policy = BatchedPolicy.open(model, null, "", 0)) {
      List<java.util.concurrent.Callable<Row>> calls = new ArrayList<>();
      for (int i = 0; i < problems.size(); i++) {
        int[] prompt = policy.tokenizePrompt(policy.prompt(ModelDefaults.of(model).prompts().ask(problems.get(i))));
        Policy.Request request = new Policy.Request(
            new DrawKey(1, i, 0, 0), SamplingSettings.temperature(0.8f, tokens), StopRule.never());
        calls.add(() -> {
          Generation g = policy.generate(TokenPath.root(prompt), List.of(request)).getFirst();
          return new Row(prompt, g.tokens(), g.logProbs());
        });
      }
      rows.addAll(dev.sphere.base.InFlight.together(calls));
    }
    return rows;
  }

  private static List<Row> score(Path model, List<Row> rows) throws InterruptedException {
    List<Row> scored = new ArrayList<>();
    try (Scorer scorer = Scorer.open(model, false)) {
      List<Scorer.Reading> readings =
          scorer.read(1, rows.stream().map(r -> Scorer.Text.continuation(r.all(), r.prompt.length)).toList());
      for (int i = 0; i < rows.size(); i++) {
        scored.add(rows.get(i).with(readings.get(i).logProbs()));
      }
    }
    return scored;
  }

  /** The reference of LoRA: the model with the adapter switched off. */
  private static List<Row> train(Path model, Activations activations, List<Row> rows) {
    ModelOptions options = ModelOptions.lora(8, 16, ModelOptions.LINEAR_LAYERS, 1, Runtime.getRuntime().availableProcessors())
        .withProducts(switch (activations) {
          case AUTO, BF16, INT16 -> MatmulPrecision.AUTO;
          case F32 -> MatmulPrecision.F32;
          case INT8 -> MatmulPrecision.INT8;
        });
    List<Row> read = new ArrayList<>();
    try (TrainableModel trained = TrainableModels.open(model, options)) {
      rows.forEach(r -> read.add(r.with(trained.logProbs(batch(r), true))));
    }
    return read;
  }

  private static PackedBatch batch(Row row) {
    int[] all = row.all();
    int n = all.length - 1; // the last token is predicted and predicts nothing
    int[] positions = new int[n];
    int[] parents = new int[n];
    Arrays.setAll(positions, i -> i);
    Arrays.setAll(parents, i -> i == 0 ? PackedBatch.ROOT : i - 1);
    int[] sources = new int[row.tokens.length];
    Arrays.setAll(sources, i -> row.prompt.length - 1 + i);
    return new PackedBatch(1, n, Arrays.copyOf(all, n), positions, parents, sources, row.tokens);
  }

  private static void write(Path file, List<Row> rows) throws IOException {
    Files.write(file, rows.stream().map(JSON::writeValueAsString).toList());
  }

  private static List<Row> read(Path file) throws IOException {
    List<Row> rows = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      JsonNode row = JSON.readTree(line);
      rows.add(new Row(JSON.treeToValue(row.get("prompt"), int[].class), JSON.treeToValue(row.get("tokens"), int[].class),
          JSON.treeToValue(row.get("logProbs"), float[].class)));
    }
    return rows;
  }
}
