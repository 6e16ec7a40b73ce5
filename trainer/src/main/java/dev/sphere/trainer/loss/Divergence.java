package dev.sphere.trainer.loss;

import dev.sphere.engine.settings.Labelled;

/**
 * The f-divergence whose f' turns a log-ratio into a score (f-DPO, Wang et al., arXiv 2309.16240). Constants that
 * cancel in the difference of two scores are dropped, as in TRL.
 */
public enum Divergence implements Labelled {
  /** DPO proper: f'(t) = log t + 1. */
  REVERSE_KL("reverse_kl"),
  /** f'(t) = 1 - 1/t, with an exponent of at most {@link #MOST}. */
  FORWARD_KL("forward_kl"),
  /** f'(t) = log(2t / (t + 1)). */
  JS("js_divergence"),
  /** f'(t) = (t^(a-1) - 1) / (a - 1), with an exponent of at most {@link #MOST}; a = 1 is reverse KL. */
  ALPHA("alpha_divergence");

  /** TRL's limit on alpha_divergence's exponent, without which extreme ratios give infinity minus infinity. */
  private static final double MOST = 80;

  /** TRL's name. */
  public final String id;

  Divergence(String id) {
    this.id = id;
  }

  @Override
  public String label() {
    return id;
  }

  /** The score of a log-ratio; only {@link #ALPHA} uses {@code alpha}. */
  Dual score(Dual logRatio, double alpha) {
    return switch (this) {
      case REVERSE_KL -> logRatio;
      case FORWARD_KL -> logRatio.negate().atMost(MOST).exp().negate();
      case JS -> logRatio.logSigmoid();
      case ALPHA -> Math.abs(alpha - 1) < 1e-6 ? logRatio
          : logRatio.times(alpha - 1).atMost(MOST).exp().times(1 / (alpha - 1));
    };
  }
}
