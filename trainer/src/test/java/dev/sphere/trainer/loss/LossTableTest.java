package dev.sphere.trainer.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Values and gradients of every loss under every divergence against PyTorch's autograd (lab/pytorch/losses.py), for
 * log-ratios about 1, about 30, and up to 1e4, where nothing may become NaN or infinite.
 */
class LossTableTest {
  private static final Map<String, PairBatch> BATCHES = new HashMap<>();

  /** A line of the table; gradients of chosen, then of rejected. */
  record Expected(String batch, String loss, Divergence divergence, double smoothing, double value, double[] by) {
    @Override
    public String toString() {
      return batch + " " + loss + " " + divergence.id + " smoothing " + smoothing;
    }
  }

  static List<Expected> table() throws IOException {
    List<Expected> all = new ArrayList<>();
    try (var in = LossTableTest.class.getResourceAsStream("losses.csv");
        var lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] f = line.split(",");
        if (f[0].equals("batch")) {
          BATCHES.put(f[1], PairBatches.whole(
              numbers(f[2]), numbers(f[3]), numbers(f[4]), numbers(f[5]), whole(f[6]), whole(f[7])));
        } else if (!line.startsWith("#")) {
          double[] by = Stream.of(f[5], f[6]).flatMapToDouble(part -> Arrays.stream(numbers(part))).toArray();
          all.add(new Expected(
              f[0], f[1], PairBatches.divergence(f[2]), Double.parseDouble(f[3]), Double.parseDouble(f[4]), by));
        }
      }
    }
    return all;
  }

  private static double[] numbers(String list) {
    return Arrays.stream(list.split(";")).mapToDouble(Double::parseDouble).toArray();
  }

  private static int[] whole(String list) {
    return Arrays.stream(numbers(list)).mapToInt(n -> (int) n).toArray();
  }

  @ParameterizedTest
  @MethodSource("table")
  void valueAndGradientAreTorchs(Expected e) {
    LossSettings settings = LossSettings.of(List.of(e.loss), List.of())
        .withBeta(0.3).withDivergence(e.divergence, 0.5).withLabelSmoothing(e.smoothing);
    LossValue got = new PreferenceLoss(settings).evaluate(BATCHES.get(e.batch));
    close(e.value, got.loss(), "value");
    int n = got.dChosen().length;
    for (int i = 0; i < n; i++) {
      close(e.by[i], got.dChosen()[i], "by chosen " + i);
      close(e.by[n + i], got.dRejected()[i], "by rejected " + i);
    }
  }

  private static void close(double expected, double actual, String what) {
    assertEquals(expected, actual, 1e-10 * Math.abs(expected) + 1e-13, what);
  }

  @Test
  void theTableHasEveryLossAndDivergence() throws IOException {
    TreeSet<String> expected = new TreeSet<>();
    TreeSet<String> there = new TreeSet<>();
    for (LossType l : LossType.values()) {
      for (Divergence d : Divergence.values()) {
        expected.add(l.id + " " + d.id);
      }
    }
    table().forEach(e -> there.add(e.loss + " " + e.divergence.id));
    assertEquals(expected, there);
  }
}
