package dev.sphere.lab.agree;

import dev.sphere.base.InFlight;
import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.engine.prompt.ChatTemplate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;

/**
 * The product's own way: all prompts at once in the rollout engine, every fifth with two generations that share its
 * cells, and prompts that begin alike share those too; then all texts through the scorer.
 */
final class SphereSide {
  /** As many tokens as are asked for are compared: the end token ends nothing. */
  private static final StopRule NEVER = new StopRule() {
    @Override
    public boolean stop(CharSequence text, int newFrom) {
      return false;
    }

    @Override
    public boolean atEndToken() {
      return false;
    }
  };

  /**
   * What came out.
   *
   * @param decoded tokens by the rollout engine, log-probabilities by the scorer
   * @param twins prompts whose two generations differ, in a token or in a log-probability's bits
   * @param recorded largest difference of a log-probability that the rollout engine recorded from the scorer's
   */
  record Result(DecodedRun decoded, int twins, double recorded) {}

  private SphereSide() {}

  /** The prompts as tokens, each cut so that it fits with {@code tokens} more. */
  static List<int[]> tokens(Path file, List<PromptFile.Prompt> prompts, int tokens) throws InterruptedException {
    try (BatchedPolicy policy = BatchedPolicy.open(file, null, null, 0)) {
      List<int[]> all = new ArrayList<>();
      for (PromptFile.Prompt p : prompts) {
        int[] each = p.dialogue() == null
            ? policy.tokenize(p.text(), true) : policy.tokenizePrompt(policy.prompt(p.dialogue()));
        all.add(Arrays.copyOf(each, Math.min(each.length, policy.maxSequence() - tokens)));
      }
      return all;
    }
  }

  static Result compute(Path file, Activations activations, List<int[]> prompts, int tokens) throws InterruptedException {
    new Precision(activations).use();
    try (Model model = Model.load(file)) {
      List<List<Generation>> generations;
      BatchedPolicy.Options options = BatchedPolicy.Options.auto(model, 0);
      try (BatchedPolicy policy = BatchedPolicy.of(model, null, ChatTemplate.PLAIN, options)) {
        List<Callable<List<Generation>>> work = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
          int n = i;
          SamplingSettings greedy = SamplingSettings.greedy(tokens);
          List<Request> requests = new ArrayList<>();
          for (int draw = 0; draw < (i % 5 == 0 ? 2 : 1); draw++) {
            requests.add(new Request(new DrawKey(1, n, 0, draw), greedy, NEVER));
          }
          work.add(() -> policy.generate(TokenPath.root(prompts.get(n)), requests));
        }
        generations = InFlight.together(work);
      }
      List<float[]> scored;
      try (Scorer scorer = Scorer.of(model, null)) {
        List<Scorer.Row> rows = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
          rows.add(row(prompts.get(i), generations.get(i).getFirst().tokens()));
        }
        scored = scorer.score(rows);
      }
      return result(activations, generations, scored);
    } finally {
      Precision.USUAL.use();
    }
  }

  /** All but the first token are scored. */
  private static Scorer.Row row(int[] prompt, int[] generated) {
    int[] rest = Arrays.copyOfRange(prompt, 1, prompt.length + generated.length);
    System.arraycopy(generated, 0, rest, prompt.length - 1, generated.length);
    return new Scorer.Row(new int[] {prompt[0]}, rest);
  }

  private static Result result(Activations activations, List<List<Generation>> generations, List<float[]> scored) {
    List<int[]> generated = new ArrayList<>();
    List<double[]> logProbs = new ArrayList<>();
    int differ = 0;
    double recorded = 0;
    for (int i = 0; i < generations.size(); i++) {
      Generation first = generations.get(i).getFirst();
      Generation second = generations.get(i).getLast();
      differ += Arrays.equals(first.tokens(), second.tokens()) && Arrays.equals(first.logProbs(), second.logProbs()) ? 0 : 1;
      float[] scores = scored.get(i);
      double[] wide = new double[scores.length];
      for (int k = 0; k < scores.length; k++) {
        wide[k] = scores[k];
      }
      int from = scores.length - first.logProbs().length;
      for (int k = 0; k < first.logProbs().length; k++) {
        recorded = Math.max(recorded, Math.abs(first.logProbs()[k] - wide[from + k]));
      }
      generated.add(first.tokens());
      logProbs.add(wide);
    }
    return new Result(new DecodedRun(activations.name().toLowerCase(Locale.ROOT), generated, logProbs), differ, recorded);
  }
}
