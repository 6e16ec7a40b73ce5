package dev.sphere.trainer.loss;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.settings.SettingsTree;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

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
    return PairBatches.whole(chosen, rejected, REF_CHOSEN, REF_REJECTED, CHOSEN_TOKENS, REJECTED_TOKENS);
  }

  private static LossSettings settings(String loss, double smoothing, Divergence divergence) {
    LossSettings s = LossSettings.of(List.of(loss), List.of()).withBeta(0.3).withDivergence(divergence, 0.5);
    return s.withLabelSmoothing(smoothing);
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
    var l = new PreferenceLoss(settings(loss, smoothing, PairBatches.divergence(divergence)));
    assertEquals(expected, l.evaluate(batch(CHOSEN, REJECTED)).loss(), 1e-12 * Math.max(1, expected));
  }

  @ParameterizedTest
  @EnumSource(LossType.class)
  void gradientsAreThoseOfFiniteDifferences(LossType type) {
    for (Divergence divergence : Divergence.values()) {
      var loss = new PreferenceLoss(settings(type.id, 0.1, divergence));
      checkGradient(loss, type.id + " " + divergence.id);
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
    LossValue first = loss.evaluate(PairBatches.whole(c, r, c, r, n, n));
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
      LossValue part = loss.evaluate(PairBatches.part(
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
        .evaluate(PairBatches.whole(CHOSEN, REJECTED, zero, zero, CHOSEN_TOKENS, REJECTED_TOKENS))
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
  void ldAlphaBeginsBehindTheOthersLength() {
    var loss = new PreferenceLoss(LossSettings.defaults().withLdAlpha(0.25));
    float[] tokens = {-1, -2, -4};
    assertEquals(-7, loss.sequence(tokens, 3), 1e-12, "as long as the other one: no tail");
    assertEquals(-1 - 0.25 * 6, loss.sequence(tokens, 1), 1e-12);
    assertEquals(0.25, loss.tokenFactor(1, 1));
    assertEquals(1, loss.tokenFactor(0, 1));
  }

  /** Eq. 5 of arXiv 2406.08414 as it is printed, with temperatures that are not the default. */
  @ParameterizedTest
  @ValueSource(doubles = {0.05, 0.4, 2})
  void discopopHasItsTemperature(double tau) {
    var loss = new PreferenceLoss(settings("discopop", 0, Divergence.REVERSE_KL).withDiscopopTau(tau));
    double expected = 0;
    for (int i = 0; i < CHOSEN.length; i++) {
      double x = 0.3 * ((CHOSEN[i] - REF_CHOSEN[i]) - (REJECTED[i] - REF_REJECTED[i]));
      double blend = 1 / (1 + Math.exp(-x / tau));
      expected += ((1 - blend) * Math.log1p(Math.exp(-x)) + blend * Math.exp(-x)) / CHOSEN.length;
    }
    assertEquals(expected, loss.evaluate(batch(CHOSEN, REJECTED)).loss(), 1e-12);
    checkGradient(loss, "discopop " + tau);
  }

  /** f'(t) = (t^(a - 1) - 1) / (a - 1) of arXiv 2309.16240, with coefficients that are not the default. */
  @ParameterizedTest
  @ValueSource(doubles = {-0.5, 0.25, 0.9, 1, 1.5})
  void theAlphaDivergenceHasItsCoefficient(double a) {
    var settings = settings("sigmoid", 0, Divergence.ALPHA).withDivergence(Divergence.ALPHA, a);
    double expected = 0;
    for (int i = 0; i < CHOSEN.length; i++) {
      double h = score(CHOSEN[i] - REF_CHOSEN[i], a) - score(REJECTED[i] - REF_REJECTED[i], a);
      expected += Math.log1p(Math.exp(-0.3 * h)) / CHOSEN.length;
    }
    var loss = new PreferenceLoss(settings);
    assertEquals(expected, loss.evaluate(batch(CHOSEN, REJECTED)).loss(), 1e-12);
    checkGradient(loss, "alpha " + a);
  }

  private static double score(double logRatio, double a) {
    return a == 1 ? logRatio : (Math.exp((a - 1) * logRatio) - 1) / (a - 1);
  }

  private static void checkGradient(PreferenceLoss loss, String what) {
    LossValue at = loss.evaluate(batch(CHOSEN, REJECTED));
    double h = 1e-5;
    for (int i = 0; i < CHOSEN.length; i++) {
      double byChosen = (value(loss, i, h, 0) - value(loss, i, -h, 0)) / (2 * h);
      double byRejected = (value(loss, i, 0, h) - value(loss, i, 0, -h)) / (2 * h);
      assertEquals(byChosen, at.dChosen()[i], 2e-6 * Math.max(1, Math.abs(byChosen)), what);
      assertEquals(byRejected, at.dRejected()[i], 2e-6 * Math.max(1, Math.abs(byRejected)), what);
    }
  }

  /** Of a sum of losses the gradient is the weighted sum too; a pair's own weight scales both. */
  @Test
  void weightsScaleTheGradients() {
    List<String> names = List.of("sigmoid", "sft", "aot", "aot_unpaired");
    List<Double> factors = List.of(2.0, 0.5, -0.25, 3.0);
    LossValue both = new PreferenceLoss(LossSettings.of(names, factors)).evaluate(batch(CHOSEN, REJECTED));
    double loss = 0;
    double[] chosen = new double[3];
    double[] rejected = new double[3];
    for (int k = 0; k < names.size(); k++) {
      LossValue one =
          new PreferenceLoss(LossSettings.of(List.of(names.get(k)), List.of())).evaluate(batch(CHOSEN, REJECTED));
      loss += factors.get(k) * one.loss();
      for (int i = 0; i < 3; i++) {
        chosen[i] += factors.get(k) * one.dChosen()[i];
        rejected[i] += factors.get(k) * one.dRejected()[i];
      }
    }
    assertEquals(loss, both.loss(), 1e-12);
    assertArrayEquals(chosen, both.dChosen(), 1e-12);
    assertArrayEquals(rejected, both.dRejected(), 1e-12);

    double[] pairs = {0.5, 2, 0};
    var sigmoid = new PreferenceLoss(LossSettings.defaults());
    LossValue plain = sigmoid.evaluate(batch(CHOSEN, REJECTED));
    LossValue weighed = sigmoid.evaluate(new PairBatch(
        CHOSEN, REJECTED, REF_CHOSEN, REF_REJECTED, CHOSEN_TOKENS, REJECTED_TOKENS, 3, 38, null, pairs));
    for (int i = 0; i < 3; i++) {
      assertEquals(pairs[i] * plain.dChosen()[i], weighed.dChosen()[i], 1e-15);
      assertEquals(pairs[i] * plain.dRejected()[i], weighed.dRejected()[i], 1e-15);
    }
    double expected = 0;
    for (int i = 0; i < 3; i++) {
      double h = (CHOSEN[i] - REF_CHOSEN[i]) - (REJECTED[i] - REF_REJECTED[i]);
      expected += pairs[i] * Math.log1p(Math.exp(-0.1 * h)) / 3;
    }
    assertEquals(expected, weighed.loss(), 1e-12);
  }

  /** Every loss, the two over a whole step too, is without a reference what it is with one that is 0. */
  @ParameterizedTest
  @EnumSource(LossType.class)
  void withoutAReferenceItIsZero(LossType type) {
    LossSettings s = settings(type.id, 0.1, Divergence.REVERSE_KL);
    double[] zero = new double[3];
    LossValue expected = new PreferenceLoss(s)
        .evaluate(PairBatches.whole(CHOSEN, REJECTED, zero, zero, CHOSEN_TOKENS, REJECTED_TOKENS));
    LossValue free = new PreferenceLoss(s.withReferenceFree(true)).evaluate(batch(CHOSEN, REJECTED));
    assertEquals(expected.loss(), free.loss(), 1e-15);
    assertArrayEquals(expected.dChosen(), free.dChosen(), 1e-15);
    assertArrayEquals(expected.dRejected(), free.dRejected(), 1e-15);
  }

  @Test
  void theHingeIsFlatFromItsEdgeOn() {
    var hinge = new PreferenceLoss(LossSettings.of(List.of("hinge"), List.of()).withBeta(0.5));
    double[] zero = {0};
    int[] one = {1};
    for (double chosen : new double[] {-1, -0.5}) {
      LossValue v = hinge.evaluate(PairBatches.whole(new double[] {chosen}, new double[] {-3}, zero, zero, one, one));
      assertEquals(0, v.loss());
      assertEquals(0, v.dChosen()[0], "1 - β h = " + (1 - 0.5 * (chosen + 3)));
    }
  }

  @Test
  void whatALossNeeds() {
    assertTrue(LossSettings.of(List.of("sigmoid", "aot"), List.of()).needsWholeBatch());
    assertTrue(LossSettings.of(List.of("aot_unpaired"), List.of()).needsWholeBatch());
    assertFalse(LossSettings.of(List.of("sigmoid", "sft"), List.of()).needsWholeBatch());
    assertTrue(LossSettings.of(List.of("sft", "sigmoid"), List.of()).needsReference());
    assertFalse(LossSettings.defaults().withReferenceFree(true).needsReference());
    Map<String, Object> map = SettingsTree.resultValues(LossSettings.defaults());
    assertEquals(List.of("sigmoid"), map.get("loss"));
    assertEquals(0.1, map.get("beta"));
    assertFalse(map.containsKey("ref_sync_steps"), map.toString());
    Map<String, Object> more = SettingsTree.resultValues(LossSettings.defaults().withWpo(true).withSync(new LossSettings.Sync(9, 0.5)));
    assertEquals(true, more.get("wpo"));
    assertEquals(0.5, more.get("ref_sync_alpha"));
    assertEquals(9, more.get("ref_sync_steps"));
  }

  /** The ends of the ranges: the last value that is taken, the first that is not. */
  @Test
  void rangesOfSettings() {
    LossSettings d = LossSettings.defaults();
    assertEquals(0, d.withLabelSmoothing(0).labelSmoothing());
    assertEquals(0, d.withLdAlpha(0).ldAlpha());
    assertEquals(1, d.withLdAlpha(1).ldAlpha());
    assertEquals(1, new LossSettings.Sync(1, 1).alpha());
    List<Executable> refused = List.of(
        () -> d.withLabelSmoothing(-0.01), () -> d.withLdAlpha(-0.01), () -> d.withLdAlpha(1.01),
        () -> d.withDiscopopTau(0), () -> d.withDivergence(Divergence.ALPHA, Double.NaN),
        () -> d.withBeta(Double.POSITIVE_INFINITY), () -> new LossSettings.Sync(1, 0),
        () -> new LossSettings.Sync(1, 1.01), () -> new LossSettings.Sync(0, 0.5),
        () -> d.withSync(new LossSettings.Sync(1, 0.5)).withReferenceFree(true),
        () -> LossSettings.of(List.of("aot_unpaired"), List.of()).withWpo(true),
        () -> LossSettings.of(List.of("sft"), List.of(Double.NaN)), () -> LossSettings.of(List.of(), List.of()));
    for (int i = 0; i < refused.size(); i++) {
      assertThrows(IllegalArgumentException.class, refused.get(i), "case " + i);
    }
  }

  /** exo_pair's own smoothing, without which it has no value, is not one of the losses beside it. */
  @Test
  void exoPairSmoothsItselfAlone() {
    PairBatch b = PairBatches.whole(CHOSEN, REJECTED, REF_CHOSEN, REF_REJECTED, CHOSEN_TOKENS, REJECTED_TOKENS);
    for (String beside : List.of("sigmoid", "robust", "aot")) {
      LossValue exo = new PreferenceLoss(LossSettings.of(List.of("exo_pair"), List.of())).evaluate(b);
      LossValue other = new PreferenceLoss(LossSettings.of(List.of(beside), List.of())).evaluate(b);
      LossValue both = new PreferenceLoss(LossSettings.of(List.of("exo_pair", beside), List.of())).evaluate(b);
      assertEquals(exo.loss() + other.loss(), both.loss(), 1e-12, beside);
      for (int i = 0; i < CHOSEN.length; i++) {
        assertEquals(exo.dChosen()[i] + other.dChosen()[i], both.dChosen()[i], 1e-12, beside);
      }
    }
    LossSettings told = LossSettings.of(List.of("exo_pair", "sigmoid"), List.of()).withLabelSmoothing(0.2);
    double apart = new PreferenceLoss(LossSettings.of(List.of("exo_pair"), List.of()).withLabelSmoothing(0.2))
        .evaluate(b).loss() + new PreferenceLoss(LossSettings.defaults().withLabelSmoothing(0.2)).evaluate(b).loss();
    assertEquals(apart, new PreferenceLoss(told).evaluate(b).loss(), 1e-12, "what is told is all losses'");
  }

  @Test
  void badSettingsAreNamed() {
    var unknown = assertThrows(IllegalArgumentException.class, () -> LossSettings.of(List.of("sigmoyd"), List.of()));
    assertTrue(unknown.getMessage().contains("'sigmoyd'") && unknown.getMessage().contains("sigmoid_norm"));
    assertThrows(IllegalArgumentException.class, () -> LossSettings.of(List.of("sigmoid"), List.of(1.0, 2.0)));
    assertThrows(IllegalArgumentException.class, () -> LossSettings.defaults().withBeta(0));
    assertThrows(IllegalArgumentException.class, () -> LossSettings.defaults().withLabelSmoothing(0.5));
    assertFalse(LossSettings.of(List.of("sft"), List.of()).needsReference());
  }
}
