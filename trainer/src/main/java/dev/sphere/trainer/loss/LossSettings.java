package dev.sphere.trainer.loss;

import dev.sphere.engine.settings.FromSettings;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.settings.Told;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which preference losses are summed, and their knobs. Names and defaults are TRL's.
 *
 * @param losses the losses that are added up, at least one
 * @param weights one weight per loss
 * @param beta strength of the pull to the reference; 0.1
 * @param labelSmoothing assumed share of flipped labels, in [0, 0.5); used by sigmoid (conservative DPO), robust,
 *     exo_pair (which takes 0.001 for 0), aot and aot_unpaired; 0
 * @param divergence the f-divergence; reverse_kl
 * @param alpha the coefficient of alpha_divergence; 0.5
 * @param ldAlpha weight of the tokens past the shorter completion's length (LD-DPO, arXiv 2409.06411), in [0, 1]; 1 = off
 * @param discopopTau temperature of discopop's blend; 0.05
 * @param referenceFree takes the reference's log-probabilities as 0; false
 * @param wpo weighs each pair's loss by how likely the policy itself makes its two completions (WPO, arXiv 2406.11827,
 *     with the sampled alignment of eq. 4); not for the losses over a whole step (aot); false
 * @param sync how the reference follows the policy (TR-DPO); null: it stays where it is
 */
@RecordBuilder
public record LossSettings(
    List<LossType> losses,
    List<Double> weights,
    double beta,
    double labelSmoothing,
    Divergence divergence,
    double alpha,
    double ldAlpha,
    double discopopTau,
    boolean referenceFree,
    boolean wpo,
    Sync sync) implements LossSettingsBuilder.With {
  /**
   * TR-DPO's moving reference (arXiv 2404.09656): after every {@code steps} steps its parameters become
   * {@code alpha * policy + (1 - alpha) * reference}; alpha 1 is the paper's hard update. Under LoRA the parameters are the
   * adapter's factors A and B.
   *
   * @param alpha share of the policy, in (0, 1]; TRL: 0.6
   * @param steps τ, at least 1; TRL: 512
   */
  public record Sync(double alpha, int steps) {
    public Sync {
      if (!(alpha > 0 && alpha <= 1) || steps < 1) {
        throw new IllegalArgumentException(
            "a reference sync needs an alpha in (0, 1] and at least 1 step between: " + alpha + ", " + steps);
      }
    }
  }

  public LossSettings {
    losses = List.copyOf(losses);
    weights = List.copyOf(weights);
    if (losses.isEmpty() || losses.size() != weights.size()) {
      throw new IllegalArgumentException(
          losses.size() + " losses but " + weights.size() + " loss weights: give one weight for each loss");
    }
    for (double w : weights) {
      if (!Double.isFinite(w)) {
        throw new IllegalArgumentException("a loss weight is not finite: " + weights);
      }
    }
    if (!(beta > 0) || Double.isInfinite(beta)) {
      throw new IllegalArgumentException("beta must be above 0 and finite: " + beta);
    }
    if (!(labelSmoothing >= 0 && labelSmoothing < 0.5)) {
      throw new IllegalArgumentException("label smoothing must be in [0, 0.5): " + labelSmoothing);
    }
    if (!(ldAlpha >= 0 && ldAlpha <= 1)) {
      throw new IllegalArgumentException("ld-alpha must be in [0, 1]: " + ldAlpha);
    }
    if (wpo && losses.stream().anyMatch(l -> l.wholeBatch)) {
      throw new IllegalArgumentException("WPO weighs pairs; aot and aot_unpaired have no loss of a pair");
    }
    if (sync != null && referenceFree) {
      throw new IllegalArgumentException("without a reference there is none to keep in step with the policy");
    }
    if (!(discopopTau > 0) || !Double.isFinite(alpha)) {
      throw new IllegalArgumentException("discopop-tau must be above 0 and alpha finite: " + discopopTau + ", " + alpha);
    }
  }

  /** From what a user says. */
  @FromSettings
  static LossSettings of(
      @Setting(name = "loss", def = "sigmoid", label = "LOSS", top = true, source = "paper",
          help = "One loss or several, separated by commas and added up.")
      List<LossType> losses,
      @Setting(name = "loss_weights", def = "", shown = "1 each", label = "W", help = "A weight for each loss.")
      List<Double> weights,
      @Setting(name = "beta", def = "0.1", range = "(0, )", label = "B", top = true, source = "TRL; DPO-VP",
          help = "Strength of the pull to the reference.")
      double beta,
      @Setting(name = "label_smoothing", def = "0", shown = "0; exo_pair: 0.001", range = "[0, 0.5)", label = "E",
          needs = "loss=sigmoid or loss=robust or loss=exo_pair or loss=aot or loss=aot_unpaired",
          help = "Assumed share of flipped pairs.")
      double smoothing,
      @Setting(name = "f_divergence", def = "reverse_kl", label = "NAME", help = "How a log-ratio becomes a score.")
      Divergence divergence,
      @Setting(name = "f_alpha", def = "0.5", range = "(, )", label = "A", needs = "f_divergence=alpha_divergence",
          help = "Coefficient of alpha_divergence.")
      double alpha,
      @Setting(name = "ld_alpha", def = "1", range = "[0, 1]", label = "A",
          help = "Weight of the tokens past the shorter completion's length (LD-DPO); 1: as the others.")
      double ldAlpha,
      @Setting(name = "discopop_tau", def = "0.05", range = "(0, )", label = "T", needs = "loss=discopop",
          help = "Temperature of discopop's blend.")
      double discopopTau,
      @Setting(name = "reference_free", help = "Takes the reference's log-probabilities as 0.")
      boolean referenceFree,
      @Setting(name = "wpo", help = "Weighs pairs by how likely the policy itself makes them (WPO).")
      boolean wpo,
      @Setting(name = "ref_sync_steps", shown = "never; TRL: 512", range = "[1, )", label = "N", unit = "steps",
          needs = "!reference_free", help = "TR-DPO: the reference follows the policy every N steps.")
      Integer syncSteps,
      @Setting(name = "ref_sync_alpha", def = "0.6", range = "(0, 1]", label = "A", needs = "ref_sync_steps",
          source = "TRL", help = "TR-DPO: the new reference is A policy + (1 - A) reference.")
      double syncAlpha) {
    return new LossSettings(losses, weights.isEmpty() ? Collections.nCopies(losses.size(), 1.0) : weights, beta,
        smoothing, divergence, alpha, ldAlpha, discopopTau, referenceFree, wpo,
        syncSteps == null ? null : new Sync(syncAlpha, syncSteps));
  }

  /** DPO as the paper trains it: sigmoid, beta 0.1. */
  public static LossSettings defaults() {
    return of(List.of("sigmoid"), List.of());
  }

  /** Losses by TRL's names; an empty list of weights means 1 for each. */
  public static LossSettings of(List<String> names, List<Double> weights) {
    Told told = Told.nothing().with("loss", names, "loss")
        .with("loss_weights", weights.stream().map(String::valueOf).toList(), "loss_weights");
    return SettingsTree.of(LossSettings.class).make(LossSettings.class, told);
  }

  /** The same with another divergence. */
  public LossSettings withDivergence(Divergence value, double coefficient) {
    return withDivergence(value).withAlpha(coefficient);
  }

  /** True when a loss looks at all pairs of a step at once, so that all must be known before the backward pass. */
  public boolean needsWholeBatch() {
    return losses.stream().anyMatch(l -> l.wholeBatch);
  }

  /** True when some loss reads the reference's log-probabilities (metrics read them in any case, if they are there). */
  public boolean needsReference() {
    return !referenceFree && losses.stream().anyMatch(l -> l != LossType.SFT);
  }

  /** The label smoothing of exo_pair, whose formula takes the log of it: the paper's 0.001 where none is told. */
  double exoSmoothing() {
    return labelSmoothing > 0 ? labelSmoothing : 1e-3;
  }

  /** The settings by name, for provenance and for the check on resume. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("loss", losses.stream().map(l -> l.id).toList());
    map.put("loss_weights", weights);
    map.put("beta", beta);
    boolean exoAlone = losses.stream().allMatch(l -> l == LossType.EXO_PAIR);
    map.put("label_smoothing", exoAlone ? exoSmoothing() : labelSmoothing);
    map.put("f_divergence_type", divergence.id);
    map.put("f_alpha_divergence_coef", alpha);
    map.put("ld_alpha", ldAlpha);
    map.put("discopop_tau", discopopTau);
    map.put("reference_free", referenceFree);
    if (wpo) {
      map.put("use_weighting", true);
    }
    if (sync != null) {
      map.put("ref_model_mixup_alpha", sync.alpha());
      map.put("ref_model_sync_steps", sync.steps());
    }
    return map;
  }
}
