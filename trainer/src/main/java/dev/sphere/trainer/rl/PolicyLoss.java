package dev.sphere.trainer.rl;

import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.List;

/**
 * The loss of an update: -Σ over edges w Σ over the edge's tokens of the token's term / Z, plus a KL term. Its axes
 * are choices of their own. Where a help text says by how much a choice is biased, that is how far the expected
 * gradient's direction is off on a policy whose draws can all be listed, with one problem an update.
 *
 * @param loss what the sum is divided by, and the token's term
 * @param baseline what a draw is compared with
 * @param scale what advantages are divided by
 * @param ratio whether ρ is each token's or its edge's
 * @param edgeWeight w, from the edge's mass
 * @param clipLow ρ counts down to 1 - clipLow
 * @param clipHigh ρ counts up to 1 + clipHigh (DAPO, arXiv 2503.14476)
 * @param kl weight of the KL divergence to the model without its adapter (k3: exp(d) - d - 1, d = log π_ref - log π)
 * @param passes passes over an update's draws
 * @param learnBelow only tokens that were drawn with less probability learn
 * @param maskTruncated draws that the limit of tokens ended do not learn
 */
@RecordBuilder
public record PolicyLoss(
    @Setting(def = "dapo", label = "LOSS",
        help = "What the sum over tokens is divided by: dapo (tokens, by mass; biased, 10 %), dr_grpo (a constant; "
            + "unbiased), grpo (each edge's own tokens; biased, 15 %), or cispo (as dapo; beyond the clip "
            + "tokens still learn).")
    Kind loss,
    @Setting(def = "others", label = "WHAT",
        help = "What a draw is compared with: the mean of the others of its expansion, or of the whole group (its "
            + "gradient is (E - 1) / E as long, in the same direction where all levels have as many draws).")
    DrawTree.Baseline baseline,
    @Setting(def = "none", label = "WHAT",
        help = "What advantages are divided by: none, or group (the expansion's standard deviation; biased, 9 %).")
    DrawTree.Scale scale,
    @Setting(def = "token", label = "WHAT",
        help = "Whose probability is compared with that before the update: each token's, or its sequence's (GSPO; "
            + "on a tree the edge's). With one pass the two are the same.")
    Ratio ratio,
    @Setting(def = "mass", label = "WEIGHT",
        help = "What an edge counts: mass (its share of the problem's draws; unbiased), sqrt (its root; "
            + "biased, 10 %), or one (SPO's, by which the deepest level rules; biased, 22 %).")
    EdgeWeight edgeWeight,
    @Setting(def = "0.2", range = "[0, 1)", label = "E", source = "PPO",
        help = "Probability ratios count down to 1 - E.")
    double clipLow,
    @Setting(def = "0.28", range = "[0, )", label = "E", source = "DAPO",
        help = "Probability ratios count up to 1 + E.")
    double clipHigh,
    @Setting(def = "0", range = "[0, )", label = "B",
        help = "Weight of the KL divergence to the model without its adapter (k3); above 0 biased by intent.")
    double kl,
    @Setting(def = "1", range = "[1, )", label = "N",
        help = "Passes over an update's draws, an optimizer step each; after the first they are off-policy: biased.")
    int passes,
    @Setting(def = "1", range = "(0, 1]", label = "P",
        help = "Only tokens that were drawn with less probability learn; below 1 biased, 0.6: 9 %.")
    double learnBelow,
    @Setting(help = "Draws that the limit of tokens ended do not learn (biased). They count as wrong all the same; "
        + "this takes away most of the reason to end.")
    boolean maskTruncated) implements PolicyLossBuilder.With {
  /** What the sum is divided by, and the token's term. */
  public enum Kind {
    /** The sum of w times tokens over all edges of the update. */
    DAPO,
    /** A constant: problems times most tokens (arXiv 2503.20783). */
    DR_GRPO,
    /** Each edge's number of tokens, and the number of problems (arXiv 2402.03300). */
    GRPO,
    /** As DAPO; the term is sg(min(ρ, 1 + clipHigh)) A log π (MiniMax-M1, arXiv 2506.13585, eq. 4). */
    CISPO
  }

  /** Whose ratio of probabilities ρ is. */
  public enum Ratio {
    TOKEN,
    /** The edge's, by the mean over its tokens (GSPO, arXiv 2507.18071). */
    SEQUENCE
  }

  /** What an edge counts. */
  public enum EdgeWeight {
    MASS,
    SQRT,
    ONE
  }

  /** The unbiased loss, dr_grpo, with one pass. */
  public static final PolicyLoss UNBIASED = new PolicyLoss(Kind.DR_GRPO, DrawTree.Baseline.OTHERS, DrawTree.Scale.NONE,
      Ratio.TOKEN, EdgeWeight.MASS, 0.2, 0.28, 0, 1, 1, false);

  public PolicyLoss {
    SettingsTree.requireRanges(PolicyLoss.class, loss, baseline, scale, ratio, edgeWeight, clipLow, clipHigh, kl,
        passes, learnBelow, maskTruncated);
  }

  /**
   * Z of an update.
   *
   * @param trees all of the update's, those without spread too, weighed
   * @param maxTokens most tokens of a solution
   */
  public double normaliser(List<DrawTree> trees, int maxTokens) {
    return switch (loss) {
      case DR_GRPO -> (double) trees.size() * maxTokens;
      case GRPO -> trees.size();
      case DAPO, CISPO -> trees.stream().flatMap(t -> t.edges().stream())
          .mapToDouble(e -> weight(e) * e.edge().tokens().length).sum();
    };
  }

  /** Whether something is learned from an edge. */
  public boolean learns(DrawTree edge) {
    return weight(edge) > 0 && (edge.advantage() != 0 || kl > 0);
  }

  private double weight(DrawTree edge) {
    if (maskTruncated && edge.cut()) {
      return 0;
    }
    return switch (edgeWeight) {
      case MASS -> edge.mass();
      case SQRT -> Math.sqrt(edge.mass());
      case ONE -> 1;
    };
  }

  /**
   * An edge's part of the loss.
   *
   * @param now log-probabilities of its tokens under the policy that learns
   * @param before the same before the update; {@code now} itself in the first pass
   * @param reference of the model without its adapter; not read without a KL term
   * @param z of the update
   * @param slopes takes the derivatives of the loss by {@code now}
   * @param seen takes what there is to report
   */
  public double edge(DrawTree edge, double[] now, double[] before, double[] reference, double z, double[] slopes,
      Seen seen) {
    int n = now.length;
    double w = weight(edge) / (loss == Kind.GRPO ? z * n : z);
    double a = edge.advantage();
    double sum = 0;
    double whole = whole(edge, now, before);
    for (int t = 0; t < n; t++) {
      slopes[t] = 0;
      if (!learns(edge, t)) {
        continue;
      }
      double rho = Math.exp(ratio == Ratio.SEQUENCE ? whole : now[t] - before[t]);
      if (loss == Kind.CISPO) {
        double bound = Math.min(rho, 1 + clipHigh);
        sum -= w * bound * a * now[t];
        slopes[t] = -w * bound * a;
        seen.clipped += bound < rho ? 1 : 0;
      } else {
        double clipped = Math.clamp(rho, 1 - clipLow, 1 + clipHigh) * a;
        boolean free = rho * a <= clipped;
        sum -= w * (free ? rho * a : clipped);
        slopes[t] = free ? -w * rho * a : 0;
        seen.clipped += free ? 0 : 1;
      }
      if (kl > 0) {
        double d = reference[t] - now[t];
        double k3 = Math.exp(d) - d - 1;
        sum += kl * w * k3;
        slopes[t] += kl * w * (1 - Math.exp(d));
        seen.kl += k3;
      }
      seen.tokens++;
    }
    return sum;
  }

  private boolean learns(DrawTree edge, int token) {
    return learnBelow == 1 || Math.exp(edge.edge().logProbs()[token]) < learnBelow;
  }

  /** log ρ of an edge: the mean over its tokens that learn. */
  private double whole(DrawTree edge, double[] now, double[] before) {
    double sum = 0;
    int tokens = 0;
    for (int t = 0; t < now.length; t++) {
      if (learns(edge, t)) {
        sum += now[t] - before[t];
        tokens++;
      }
    }
    return tokens == 0 ? 0 : sum / tokens;
  }

  /** Counts of tokens that learned. */
  public static final class Seen {
    /** Tokens. */
    public long tokens;
    /** Of these, tokens whose ratio was clipped. */
    public long clipped;
    /** Sum of k3 over these. */
    public double kl;
  }
}
