package dev.sphere.trainer.loss;

import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * The formulas of the losses, as TRL 1.10 defines them. w is the chosen and l the rejected completion, s a score, h =
 * s_w - s_l; for the reverse KL a score is the log-ratio log π - log π_ref.
 */
final class Losses {
  private Losses() {}

  /**
   * DPO, eq. 7 of arXiv 2305.18290: -log σ(β h). With label smoothing ε it is conservative DPO
   * (ericmitchell.ai/cdpo.pdf): -(1-ε) log σ(β h) - ε log σ(-β h).
   */
  static Dual sigmoid(Pair p) {
    return smoothed(p.logit(), p.smoothing());
  }

  /** RSO's normalised hinge, arXiv 2309.06657 (SLiC, arXiv 2305.10425): max(0, 1 - β h). */
  static Dual hinge(Pair p) {
    return p.logit().negate().plus(1).relu();
  }

  /** IPO, eq. 17 of arXiv 2310.12036, on scores per token: (h - 1/(2β))². */
  static Dual ipo(Pair p) {
    return perToken(p).minus(1 / (2 * p.beta())).square();
  }

  /** EXO-pref, eq. 16 of arXiv 2402.00856: KL of (σ(β h), σ(-β h)) from (1-ε, ε). */
  static Dual exoPair(Pair p) {
    Dual x = p.logit();
    double e = p.settings().exoSmoothing();
    Dual win = x.sigmoid().times(x.logSigmoid().minus(Math.log1p(-e)));
    Dual lose = x.negate().sigmoid().times(x.negate().logSigmoid().minus(Math.log(e)));
    return win.plus(lose);
  }

  /** NCA for pairs, arXiv 2402.05369: -log σ(r_w) - ½ log σ(-r_w) - ½ log σ(-r_l), r = β score. */
  static Dual ncaPair(Pair p) {
    Dual w = p.chosenScore().times(p.beta());
    Dual l = p.rejectedScore().times(p.beta());
    Dual rest = w.negate().logSigmoid().plus(l.negate().logSigmoid()).times(0.5);
    return w.logSigmoid().plus(rest).negate();
  }

  /** Provably robust DPO, arXiv 2403.00409: (-(1-ε) log σ(β h) + ε log σ(-β h)) / (1 - 2ε). */
  static Dual robust(Pair p) {
    Dual x = p.logit();
    double e = p.smoothing();
    Dual clean = x.logSigmoid().times(-(1 - e));
    Dual flipped = x.negate().logSigmoid().times(e);
    return clean.plus(flipped).times(1 / (1 - 2 * e));
  }

  /** BCO for pairs, arXiv 2404.04656: -log σ(r_w) - log σ(-r_l), r = β score. */
  static Dual bcoPair(Pair p) {
    Dual w = p.chosenScore().times(p.beta()).logSigmoid();
    Dual l = p.rejectedScore().times(-p.beta()).logSigmoid();
    return w.plus(l).negate();
  }

  /** SPPO with hard labels, eq. 4.7 of arXiv 2405.00675: (s_w - 1/(2β))² + (s_l + 1/(2β))². */
  static Dual sppoHard(Pair p) {
    double half = 0.5 / p.beta();
    return p.chosenScore().minus(half).square().plus(p.rejectedScore().plus(half).square());
  }

  /** APO-zero, eq. 7 of arXiv 2408.06266: 1 - σ(β ratio_w) + σ(β ratio_l). */
  static Dual apoZero(Pair p) {
    Dual w = p.chosenRatio().times(p.beta()).sigmoid();
    return p.rejectedRatio().times(p.beta()).sigmoid().minus(w).plus(1);
  }

  /** APO-down, eq. 8 of arXiv 2408.06266: σ(β ratio_w) + 1 - σ(β h). */
  static Dual apoDown(Pair p) {
    return p.chosenRatio().times(p.beta()).sigmoid().minus(p.logit().sigmoid()).plus(1);
  }

  /**
   * DiscoPOP, eq. 5 of arXiv 2406.08414: logistic and exponential loss, blended by σ(β h / τ). The blended
   * exponential loss is computed as exp(log σ(β h / τ) - β h), which for τ below 1 does not overflow.
   */
  static Dual discopop(Pair p) {
    Dual x = p.logit();
    Dual blend = x.times(1 / p.settings().discopopTau());
    Dual logistic = x.logSigmoid().negate().times(blend.negate().sigmoid());
    return logistic.plus(blend.logSigmoid().minus(x).exp());
  }

  /** Negative log-likelihood of the chosen completions, a mean over all their tokens in the step, without LD-DPO. */
  static Dual sft(Pair p) {
    return p.chosenWhole().times(-1 / p.tokensPerPair());
  }

  /** DPO on scores per token: -log σ(β (s_w / |w| - s_l / |l|)). */
  static Dual sigmoidNorm(Pair p) {
    return perToken(p).times(p.beta()).logSigmoid().negate();
  }

  /**
   * AOT on paired data, arXiv 2406.05882: compares, rank by rank, the sorted margins of the policy with those of the
   * reference.
   */
  static double aot(PairBatch b, LossSettings s, double share, double[] dChosen, double[] dRejected) {
    double[] margins = difference(b.chosen(), b.rejected());
    double[] ref = difference(b.refChosen(), b.refRejected());
    int[] byMargin = order(margins);
    int[] byRef = order(ref);
    double sum = 0;
    for (int rank = 0; rank < margins.length; rank++) {
      int i = byMargin[rank];
      double reference = s.referenceFree() ? 0 : ref[byRef[rank]];
      Dual margin = new Dual(margins[i] - reference, 1, -1);
      Dual loss = smoothed(margin.times(s.beta()), s.labelSmoothing());
      sum += loss.value();
      dChosen[i] += share * loss.dChosen();
      dRejected[i] += share * loss.dRejected();
    }
    return sum;
  }

  /** AOT on unpaired data, arXiv 2406.05882: compares, rank by rank, the sorted chosen log-ratios with the rejected. */
  static double aotUnpaired(PairBatch b, LossSettings s, double share, double[] dChosen, double[] dRejected) {
    double[] chosen = s.referenceFree() ? b.chosen() : difference(b.chosen(), b.refChosen());
    double[] rejected = s.referenceFree() ? b.rejected() : difference(b.rejected(), b.refRejected());
    int[] byChosen = order(chosen);
    int[] byRejected = order(rejected);
    double sum = 0;
    for (int rank = 0; rank < chosen.length; rank++) {
      int i = byChosen[rank];
      int j = byRejected[rank];
      Dual margin = new Dual(chosen[i] - rejected[j], 1, -1);
      Dual loss = smoothed(margin.times(s.beta()), s.labelSmoothing());
      sum += loss.value();
      dChosen[i] += share * loss.dChosen();
      dRejected[j] += share * loss.dRejected();
    }
    return sum;
  }

  private static Dual smoothed(Dual logit, double epsilon) {
    Dual clean = logit.logSigmoid().times(-(1 - epsilon));
    return epsilon == 0 ? clean : clean.minus(logit.negate().logSigmoid().times(epsilon));
  }

  private static Dual perToken(Pair p) {
    return p.chosenScore().times(1.0 / p.chosenTokens()).minus(p.rejectedScore().times(1.0 / p.rejectedTokens()));
  }

  private static double[] difference(double[] a, double[] b) {
    return IntStream.range(0, a.length).mapToDouble(i -> a[i] - b[i]).toArray();
  }

  /** Indices by rising value; of equal values by index. */
  private static int[] order(double[] values) {
    return IntStream.range(0, values.length).boxed()
        .sorted(Comparator.comparingDouble((Integer i) -> values[i])).mapToInt(Integer::intValue).toArray();
  }
}
