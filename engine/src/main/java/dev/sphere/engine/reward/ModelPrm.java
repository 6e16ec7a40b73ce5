package dev.sphere.engine.reward;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.PrmHead;
import dev.sphere.gguf.model.PrmInfo;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A trained process reward model: a GGUF file that says how a step's score is read ({@link PrmInfo}). It reads text, so
 * the policy may have another vocabulary. A step's score is read from the KV cache of the steps before it, the
 * candidates of all problems in flight step together, and a text that was scored before is not computed again.
 *
 * <p>Thread-safe. A step for which the model has no room scores 0. Where a solution begins after a marker, the steps
 * after it are scored as those of the bare problem; what comes before scores 0.5.
 */
public final class ModelPrm implements PrmFactory {
  /** The score of talk before the solution begins, which the model was not made for: neither good nor bad. */
  private static final double UNKNOWN = 0.5;

  private final Scorer scorer;
  private final PrmInfo info;
  private final PrmHead head; // null for the token form
  private final PrmInput input;
  private final ScoreCache cache = new ScoreCache();

  private ModelPrm(Scorer scorer, PrmInfo info, PrmHead head, Prompts prompts) {
    this.scorer = scorer;
    this.info = info;
    this.head = head;
    this.input = new PrmInput(scorer.model().vocabulary(), ChatTemplate.of(scorer.model()), prompts, info);
  }

  /**
   * Loads a process reward model.
   *
   * @param file a GGUF file
   * @param info how it is to be read
   * @param prompts what a policy of its kind is asked
   */
  public static ModelPrm open(Path file, PrmInfo info, Prompts prompts) {
    if (info.form() == PrmInfo.Form.TOKEN) {
      return new ModelPrm(Scorer.open(file, false), info, null, prompts);
    }
    try (GgufFile gguf = GgufFile.openModel(file)) {
      PrmHead head = PrmHead.of(gguf);
      try (GgufFile body = HeadlessCopy.of(gguf)) {
        return new ModelPrm(Scorer.open(body.path(), true), info, head, prompts);
      }
    }
  }

  @Override
  public ProcessRewardModel over(Policy policy) {
    return (problem, path, key, candidates) -> score(policy, problem, path, candidates);
  }

  private double[] score(Policy policy, Problem problem, TokenPath path, List<Generation> candidates)
      throws InterruptedException {
    List<String> before = Solutions.steps(policy, path);
    List<int[]> texts = new ArrayList<>();
    for (Generation candidate : candidates) {
      List<String> all = new ArrayList<>(before);
      all.add(candidate.text());
      List<String> steps = Solutions.afterMarker(path.marker(), all);
      texts.add(steps.isEmpty() ? null : input.tokens(problem, steps));
    }
    double[] scores = new double[texts.size()];
    List<Integer> missing = new ArrayList<>();
    List<Scorer.Text> wanted = new ArrayList<>();
    for (int i = 0; i < scores.length; i++) {
      Double known = texts.get(i) == null ? Double.valueOf(UNKNOWN) : cache.find(texts.get(i));
      if (known != null) {
        scores[i] = known;
      } else {
        missing.add(i);
        wanted.add(head == null ? Scorer.Text.atEnd(texts.get(i), info.goodToken(), info.badToken())
            : Scorer.Text.atEnd(texts.get(i)));
      }
    }
    List<Scorer.Reading> readings = scorer.read(SplitMix.hash(problem.id()), wanted);
    for (int k = 0; k < readings.size(); k++) {
      double score = score(readings.get(k));
      scores[missing.get(k)] = score;
      cache.keep(texts.get(missing.get(k)), score);
    }
    return scores;
  }

  private double score(Scorer.Reading reading) {
    if (reading == null) {
      return 0;
    }
    if (head != null) {
      return head.score(reading.hidden());
    }
    // Softmax over the two logits; the whole vocabulary's normaliser cancels.
    return 1 / (1 + Math.exp((double) reading.logProbs()[1] - reading.logProbs()[0]));
  }

  /** How scores are read. */
  public PrmInfo info() {
    return info;
  }

  @Override
  public long tokens() {
    return scorer.tokens();
  }

  @Override
  public int passes() {
    return 1;
  }

  @Override
  public void forget() {
    cache.forget();
  }

  @Override
  public void close() {
    scorer.close();
  }
}
