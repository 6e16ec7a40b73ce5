package dev.sphere.trainer.loss;

import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.Collections;
import java.util.List;

/**
 * The preference losses of a training, which are added up, and their parameters. Names and defaults are TRL's.
 *
 * @param ldAlpha LD-DPO (arXiv 2409.06411)
 * @param wpo weighs each pair's loss by the policy's probability of its two completions (WPO, arXiv 2406.11827, with
 *     the sampled alignment of eq. 4); not for the losses over a whole step (aot)
 * @param sync TR-DPO's moving reference; null where the reference does not move
 */
@RecordBuilder
public record LossSettings(
    @Setting(name = "loss", def = "sigmoid", label = "LOSS", source = "paper",
        help = "One loss or several, separated by commas and added up.")
    List<LossType> losses,
    @Setting(name = "loss_weights", def = "", shown = "1 each", label = "W", help = "A weight for each loss.")
    List<Double> weights,
    @Setting(def = "0.1", range = "(0, )", label = "B", source = "TRL; DPO-VP",
        help = "Strength of the pull to the reference.")
    double beta,
    @Setting(def = "0", shown = "0; exo_pair: 0.001", range = "[0, 0.5)", label = "E",
        needs = "loss=sigmoid or loss=robust or loss=exo_pair or loss=aot or loss=aot_unpaired",
        help = "Assumed share of flipped pairs.")
    double labelSmoothing,
    @Setting(name = "f_divergence", def = "reverse_kl", label = "NAME", help = "How a log-ratio becomes a score.")
    Divergence divergence,
    @Setting(name = "f_alpha", def = "0.5", range = "(, )", label = "A", needs = "f_divergence=alpha_divergence",
        help = "Coefficient of alpha_divergence.")
    double alpha,
    @Setting(def = "1", range = "[0, 1]", label = "A",
        help = "Weight of the tokens past the shorter completion's length (LD-DPO); 1: as the others.")
    double ldAlpha,
    @Setting(def = "0.05", range = "(0, )", label = "T", needs = "loss=discopop",
        help = "Temperature of discopop's blend.")
    double discopopTau,
    @Setting(help = "Takes the reference's log-probabilities as 0.")
    boolean referenceFree,
    @Setting(help = "Weighs pairs by how likely the policy itself makes them (WPO).")
    boolean wpo,
    @Nested(when = "ref_sync_steps")
    Sync sync) implements LossSettingsBuilder.With {
  /**
   * TR-DPO's moving reference (arXiv 2404.09656): after every {@code steps} steps (τ) its parameters become {@code
   * alpha * policy + (1 - alpha) * reference}; alpha 1 is the paper's hard update. Under LoRA the parameters are the
   * adapter's factors A and B.
   */
  public record Sync(
      @Setting(name = "ref_sync_steps", shown = "never; TRL: 512", range = "[1, )", label = "N", unit = "steps",
          needs = "!reference_free", help = "TR-DPO: the reference follows the policy every N steps.")
      int steps,
      @Setting(name = "ref_sync_alpha", def = "0.6", range = "(0, 1]", label = "A", needs = "ref_sync_steps",
          source = "TRL", help = "TR-DPO: the new reference is A policy + (1 - A) reference.")
      double alpha) {
    public Sync {
      SettingsTree.requireRanges(Sync.class, steps, alpha);
    }
  }

  public LossSettings {
    SettingsTree.requireRanges(LossSettings.class, losses, weights, beta, labelSmoothing, divergence, alpha, ldAlpha,
        discopopTau, referenceFree, wpo, sync);
    if (!weights.stream().allMatch(Double::isFinite)) {
      throw new IllegalArgumentException("a loss weight is not finite: " + weights);
    }
    losses = List.copyOf(losses);
    weights = weights.isEmpty() ? Collections.nCopies(losses.size(), 1.0) : List.copyOf(weights);
    if (losses.isEmpty() || losses.size() != weights.size()) {
      throw new IllegalArgumentException(
          losses.size() + " losses but " + weights.size() + " loss weights: give one weight for each loss");
    }
    if (wpo && losses.stream().anyMatch(l -> l.wholeBatch)) {
      throw new IllegalArgumentException("WPO weighs pairs; aot and aot_unpaired have no loss of a pair");
    }
    if (sync != null && referenceFree) {
      throw new IllegalArgumentException("without a reference there is none to keep in step with the policy");
    }
  }

  /** DPO as in the paper: sigmoid, beta 0.1. */
  public static LossSettings defaults() {
    return of(List.of("sigmoid"), List.of());
  }

  /** Losses by TRL's names; an empty list of weights means 1 for each. */
  public static LossSettings of(List<String> names, List<Double> weights) {
    GivenSettings given = GivenSettings.nothing().with("loss", names, "loss")
        .with("loss_weights", weights.stream().map(String::valueOf).toList(), "loss_weights");
    return SettingsTree.of(LossSettings.class).make(LossSettings.class, given);
  }

  public LossSettings withDivergence(Divergence value, double coefficient) {
    return withDivergence(value).withAlpha(coefficient);
  }

  /** Whether a loss depends on all pairs of a step at once. */
  public boolean needsWholeBatch() {
    return losses.stream().anyMatch(l -> l.wholeBatch);
  }

  /** Whether a loss reads the reference's log-probabilities. */
  public boolean needsReference() {
    return !referenceFree && losses.stream().anyMatch(l -> l != LossType.SFT);
  }

  /** The label smoothing of exo_pair, whose formula has its logarithm; for 0 the paper's 0.001. */
  double exoSmoothing() {
    return labelSmoothing > 0 ? labelSmoothing : 1e-3;
  }
}
