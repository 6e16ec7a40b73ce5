package dev.sphere.trainer.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Values against numbers worked out from TRL's formulas in 40-digit decimal arithmetic (not by this code); gradients
 * against central differences.
 */
class PreferenceLossTest {
  private static final double[] CHOSEN = {-12.5, -3.25, -40};
  private static final double[] REJECTED = {-14.75, -2.5, -35.5};
  private static final double[] REF_CHOSEN = {-13, -3, -38.25};
  private static final double[] REF_REJECTED = {-12.25, -4, -36.75};
  private static final int[] CHOSEN_TOKENS = {10, 3, 25};
  private static final int[] REJECTED_TOKENS = {12, 4, 20};

  private static PairBatch batch(double[] chosen, double[] rejected) {
    return PairBatch.whole(chosen, rejected, REF_CHOSEN, REF_REJECTED, CHOSEN_TOKENS, REJECTED_TOKENS);
  }

  private static LossSettings settings(String loss, double smoothing, Divergence divergence) {
    LossSettings s = LossSettings.of(List.of(loss), List.of()).withBeta(0.3).withDivergence(divergence, 0.5);
    return smoothing == 0 && loss.equals("exo_pair") ? s : s.withLabelSmoothing(smoothing);
  }

  @ParameterizedTest
  @CsvSource(textBlock = """
      sigmoid,0,reverse_kl,0.857339834712390
      hinge,0,reverse_kl,1.175000000000000
      ipo,0,reverse_kl,3.245342824074074
      nca_pair,0,reverse_kl,1.467383341020026
      bco_pair,0,reverse_kl,1.523420719847172
      sppo_hard,0,reverse_kl,11.979166666666666
      aot,0,reverse_kl,0.819141439810624
      aot_unpaired,0,reverse_kl,0.794855397505229
      apo_zero,0,reverse_kl,1.044584897852683
      apo_down,0,reverse_kl,1.006229543155071
      discopop,0,reverse_kl,0.879151534087293
      sft,0,reverse_kl,1.467105263157895
      sigmoid_norm,0,reverse_kl,0.710875350606233
      sigmoid,0.1,reverse_kl,0.839839834712390
      robust,0.1,reverse_kl,0.879214834712390
      exo_pair,0.1,reverse_kl,0.677137831671131
      aot,0.1,reverse_kl,0.801641439810624
      aot_unpaired,0.1,reverse_kl,0.777355397505229
      sigmoid,0,forward_kl,0.904366941560252
      ipo,0,forward_kl,2.736029592375283
      sppo_hard,0,forward_kl,61.173505540815206
      sigmoid,0,js_divergence,0.730060260881180
      ipo,0,js_divergence,2.940103436732837
      sppo_hard,0,js_divergence,9.523539084097335
      sigmoid,0,alpha_divergence,0.830442711532777
      ipo,0,alpha_divergence,3.191926273100921
      sppo_hard,0,alpha_divergence,32.256058207676446
      """)
  void valuesAreThoseOfTheFormulas(String loss, double smoothing, String divergence, double expected) {
    var l = new PreferenceLoss(settings(loss, smoothing, Divergence.of(divergence)));
    assertEquals(expected, l.evaluate(batch(CHOSEN, REJECTED)).loss(), 1e-12 * Math.max(1, expected));
  }

  @ParameterizedTest
  @EnumSource(LossType.class)
  void gradientsAreThoseOfFiniteDifferences(LossType type) {
    for (Divergence divergence : Divergence.values()) {
      var loss = new PreferenceLoss(settings(type.id, 0.1, divergence));
      LossValue at = loss.evaluate(batch(CHOSEN, REJECTED));
      double h = 1e-5;
      for (int i = 0; i < CHOSEN.length; i++) {
        double byChosen = (value(loss, i, h, 0) - value(loss, i, -h, 0)) / (2 * h);
        double byRejected = (value(loss, i, 0, h) - value(loss, i, 0, -h)) / (2 * h);
        String where = type.id + " " + divergence.id + " pair " + i;
        assertEquals(byChosen, at.dChosen()[i], 2e-6 * Math.max(1, Math.abs(byChosen)), where);
        assertEquals(byRejected, at.dRejected()[i], 2e-6 * Math.max(1, Math.abs(byRejected)), where);
      }
    }
  }

  private static double value(PreferenceLoss loss, int pair, double chosen, double rejected) {
    double[] c = CHOSEN.clone();
    double[] r = REJECTED.clone();
    c[pair] += chosen;
    r[pair] += rejected;
    return loss.evaluate(batch(c, r)).loss();
  }

  @Test
  void firstDpoLossIsLnTwo() {
    var loss = new PreferenceLoss(LossSettings.defaults());
    double[] c = {-31.5, -7};
    double[] r = {-29.25, -8};
    int[] n = {9, 2};
    LossValue first = loss.evaluate(PairBatch.whole(c, r, c, r, n, n));
    assertEquals(Math.log(2), first.loss(), 1e-15);
    assertEquals(-0.1 / 2 / 2, first.dChosen()[1], 1e-15);
    assertEquals(0.1 / 2 / 2, first.dRejected()[0], 1e-15);
  }

  @Test
  void microBatchesAddUpToTheStep() {
    var loss = new PreferenceLoss(LossSettings.of(List.of("sigmoid", "sft", "ipo"), List.of(0.8, 0.2, 1.0)));
    LossValue whole = loss.evaluate(batch(CHOSEN, REJECTED));
    double sum = 0;
    for (int i = 0; i < CHOSEN.length; i++) {
      LossValue part = loss.evaluate(new PairBatch(
          new double[] {CHOSEN[i]},
          new double[] {REJECTED[i]},
          new double[] {REF_CHOSEN[i]},
          new double[] {REF_REJECTED[i]},
          new int[] {CHOSEN_TOKENS[i]},
          new int[] {REJECTED_TOKENS[i]},
          3,
          38));
      sum += part.loss();
      assertEquals(whole.dChosen()[i], part.dChosen()[0], 1e-15);
      assertEquals(whole.dRejected()[i], part.dRejected()[0], 1e-15);
    }
    assertEquals(whole.loss(), sum, 1e-12);
  }

  @Test
  void weightsScaleTheLosses() {
    double sigmoid = value(LossSettings.of(List.of("sigmoid"), List.of()));
    double sft = value(LossSettings.of(List.of("sft"), List.of()));
    double both = value(LossSettings.of(List.of("sigmoid", "sft"), List.of(2.0, 0.5)));
    assertEquals(2 * sigmoid + 0.5 * sft, both, 1e-12);
  }

  private static double value(LossSettings s) {
    return new PreferenceLoss(s).evaluate(batch(CHOSEN, REJECTED)).loss();
  }

  @Test
  void referenceFreeIgnoresTheReference() {
    var free = new PreferenceLoss(LossSettings.defaults().withReferenceFree(true));
    var plain = new PreferenceLoss(LossSettings.defaults());
    double[] zero = new double[3];
    double expected = plain
        .evaluate(PairBatch.whole(CHOSEN, REJECTED, zero, zero, CHOSEN_TOKENS, REJECTED_TOKENS))
        .loss();
    assertEquals(expected, free.evaluate(batch(CHOSEN, REJECTED)).loss(), 1e-15);
  }

  @Test
  void extremesStayFiniteAndNaNShows() {
    var loss = new PreferenceLoss(LossSettings.defaults().withBeta(5));
    double[] far = {-1e4, 0, -1e4};
    LossValue v = loss.evaluate(batch(far, new double[] {0, -1e4, 0}));
    assertTrue(Double.isFinite(v.loss()));
    assertTrue(v.loss() > 1e4);
    assertEquals(-5.0 / 3, v.dChosen()[0], 1e-9);
    assertEquals(0, v.dChosen()[1], 1e-9);
    LossValue nan = loss.evaluate(batch(new double[] {Double.NaN, -1, -1}, REJECTED));
    assertTrue(Double.isNaN(nan.loss()));
  }

  @Test
  void ldAlphaWeighsTheTail() {
    var loss = new PreferenceLoss(LossSettings.defaults().withLdAlpha(0.5));
    float[] tokens = {-1, -2, -4, -8};
    assertEquals(-3 - 6, loss.sequence(tokens, 2), 1e-12);
    assertEquals(-15, loss.sequence(tokens, 9), 1e-12);
    assertEquals(1, loss.tokenFactor(1, 2));
    assertEquals(0.5, loss.tokenFactor(2, 2));
  }

  @Test
  void badSettingsAreNamed() {
    var unknown = assertThrows(IllegalArgumentException.class, () -> LossSettings.of(List.of("sigmoyd"), List.of()));
    assertTrue(unknown.getMessage().contains("'sigmoyd'") && unknown.getMessage().contains("sigmoid_norm"));
    assertThrows(IllegalArgumentException.class, () -> LossSettings.of(List.of("sigmoid"), List.of(1.0, 2.0)));
    assertThrows(IllegalArgumentException.class, () -> LossSettings.defaults().withBeta(0));
    assertThrows(IllegalArgumentException.class, () -> LossSettings.defaults().withLabelSmoothing(0.5));
    assertThrows(
        IllegalArgumentException.class,
        () -> LossSettings.of(List.of("exo_pair"), List.of()).withLabelSmoothing(0));
    assertFalse(LossSettings.of(List.of("sft"), List.of()).needsReference());
  }
}
