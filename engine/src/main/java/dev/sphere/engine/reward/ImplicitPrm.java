package dev.sphere.engine.reward;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.engine.stage.PrmFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The implicit process reward (PRIME, arXiv 2502.01456, after arXiv 2412.01981): a step is worth
 * {@code beta * (log pi(step) - log pi_ref(step))}, summed over its tokens, for any two models of which the first was
 * trained for right outcomes from the second. The sigmoid maps it to [0, 1]; 0.5 means that the two agree.
 *
 * <p>Both models must have the policy's vocabulary, since they read its very tokens, prompt included. Thread-safe.
 */
public final class ImplicitPrm implements PrmFactory {
  /** PRIME's beta. */
  public static final double BETA = 0.05;

  private final Scorer trained; // null: the policy itself, whose log-probabilities come with its steps
  private final Scorer reference;
  private final double beta;
  private final ScoreCache cache = new ScoreCache();

  /**
   * @param trained the better model; null for the policy itself: its log-probabilities are those of the candidates
   * @param reference the model that it was trained from; both are closed with this
   */
  public ImplicitPrm(Scorer trained, Scorer reference, double beta) {
    if (!(beta > 0) || Double.isInfinite(beta)) {
      throw new IllegalArgumentException("the implicit reward's beta must be positive, not " + beta);
    }
    this.trained = trained;
    this.reference = reference;
    this.beta = beta;
  }

  @Override
  public ProcessRewardModel over(Policy policy) {
    return this::score;
  }

  private double[] score(Problem problem, TokenPath path, DrawKey key, List<Generation> candidates)
      throws InterruptedException {
    int[] before = path.toArray();
    double[] scores = new double[candidates.size()];
    List<Integer> missing = new ArrayList<>();
    List<int[]> texts = new ArrayList<>();
    List<Scorer.Text> wanted = new ArrayList<>();
    for (int i = 0; i < scores.length; i++) {
      int[] step = candidates.get(i).tokens();
      int[] text = Arrays.copyOf(before, before.length + step.length);
      System.arraycopy(step, 0, text, before.length, step.length);
      // The same tokens may be one step, or two: where the step begins is part of the content.
      int[] content = Arrays.copyOf(text, text.length + 1);
      content[text.length] = before.length;
      Double known = step.length == 0 ? Double.valueOf(0.5) : cache.find(content);
      if (known != null) {
        scores[i] = known;
      } else {
        missing.add(i);
        texts.add(content);
        wanted.add(Scorer.Text.continuation(text, before.length));
      }
    }
    long affinity = SplitMix.hash(problem.id());
    List<Scorer.Reading> bases = reference.read(affinity, wanted);
    List<Scorer.Reading> betters = trained == null ? null : trained.read(affinity, wanted);
    for (int k = 0; k < bases.size(); k++) {
      int i = missing.get(k);
      float[] base = bases.get(k) == null ? null : bases.get(k).logProbs();
      float[] better = betters == null ? candidates.get(i).logProbs()
          : betters.get(k) == null ? null : betters.get(k).logProbs();
      scores[i] = base == null || better == null ? 0 : 1 / (1 + Math.exp(-beta * (sum(better) - sum(base))));
      cache.keep(texts.get(k), scores[i]);
    }
    return scores;
  }

  private static double sum(float[] logProbs) {
    double sum = 0;
    for (float l : logProbs) {
      sum += l;
    }
    return sum;
  }

  @Override
  public long tokens() {
    return reference.tokens() + (trained == null ? 0 : trained.tokens());
  }

  @Override
  public int passes() {
    return trained == null ? 1 : 2;
  }

  @Override
  public void forget() {
    cache.forget();
  }

  @Override
  public void close() {
    if (trained != null) {
      trained.close();
    }
    reference.close();
  }
}
