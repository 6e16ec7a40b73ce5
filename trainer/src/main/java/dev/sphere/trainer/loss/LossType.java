package dev.sphere.trainer.loss;

import java.util.function.Function;

/** The losses of TRL 1.10 ({@code loss_type}); {@link Losses} has the formulas. */
public enum LossType {
  SIGMOID("sigmoid", Losses::sigmoid),
  HINGE("hinge", Losses::hinge),
  IPO("ipo", Losses::ipo),
  EXO_PAIR("exo_pair", Losses::exoPair),
  NCA_PAIR("nca_pair", Losses::ncaPair),
  ROBUST("robust", Losses::robust),
  BCO_PAIR("bco_pair", Losses::bcoPair),
  SPPO_HARD("sppo_hard", Losses::sppoHard),
  AOT("aot", null),
  AOT_UNPAIRED("aot_unpaired", null),
  APO_ZERO("apo_zero", Losses::apoZero),
  APO_DOWN("apo_down", Losses::apoDown),
  DISCOPOP("discopop", Losses::discopop),
  SFT("sft", Losses::sft),
  SIGMOID_NORM("sigmoid_norm", Losses::sigmoidNorm);

  /** TRL's name. */
  public final String id;

  /** Whether the loss of a pair depends on the other pairs of the step. */
  public final boolean wholeBatch;

  private final Function<Pair, Dual> formula;

  LossType(String id, Function<Pair, Dual> formula) {
    this.id = id;
    this.formula = formula;
    this.wholeBatch = formula == null;
  }

  /** Adds the gradients of this loss over some pairs of a step, and returns their share of the step's mean loss. */
  double add(PairBatch b, LossSettings s, double weight, double[] dChosen, double[] dRejected) {
    double share = weight / b.pairsInStep();
    if (this == AOT) {
      return share * Losses.aot(b, s, share, dChosen, dRejected);
    }
    if (this == AOT_UNPAIRED) {
      return share * Losses.aotUnpaired(b, s, share, dChosen, dRejected);
    }
    double sum = 0;
    for (int i = 0; i < b.size(); i++) {
      Dual loss = formula.apply(Pair.of(b, i, s)).times(b.weight(i));
      sum += loss.value();
      dChosen[i] += share * loss.dChosen();
      dRejected[i] += share * loss.dRejected();
    }
    return share * sum;
  }
}
