package dev.sphere.engine.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Ranges hold what comes true: on made-up runs whose end is known. */
class ForecastTest {
  private static Pace steady(double rate, double seconds) {
    Pace pace = new Pace();
    for (double t = 0.5; t <= seconds; t += 0.5) {
      pace.at(t, rate * t);
    }
    return pace;
  }

  @Test
  void rangesAreSaidInOneUnit() {
    assertEquals("12 to 20 s", new Range(12, 15, 20).time());
    assertEquals("about 12 s", new Range(11.6, 12, 12.4).time());
    assertEquals("1.0 to 2.0 min", new Range(60, 90, 120).time());
    assertEquals("12 to 20 min", new Range(720, 800, 1200).time());
    assertEquals("0.5 to 2.0 h", new Range(1800, 2000, 7200).time());
    assertEquals("41,000 to 1,300,000", new Range(41_234, 50_000, 1_261_000).count());
    assertEquals("0 to 7", new Range(0, 3, 7.2).count());
    assertTrue(new Range(1, 2, 3).holds(3));
    assertFalse(new Range(1, 2, 3).holds(3.1));
    assertThrows(IllegalArgumentException.class, () -> new Range(2, 1, 3));
  }

  @Test
  void aSteadyPaceIsKnownWellAndAnUnsteadyOneIsNot() {
    assertFalse(new Pace().known());
    Range steady = steady(10, 100).time(500);
    assertTrue(steady.holds(50) && steady.high() < 60 && steady.low() > 40, steady.toString());
    assertEquals(10, steady(10, 100).rate(), 1e-6);
    Pace changing = new Pace();
    double work = 0;
    for (int t = 1; t <= 100; t++) {
      work += t / 10 % 2 == 0 ? 5 : 15;
      changing.at(t, work);
    }
    Range wide = changing.time(500);
    assertTrue(wide.high() - wide.low() > 2 * (steady.high() - steady.low()), wide + " and " + steady);
    Pace first = new Pace();
    first.at(0.2, 1);
    assertTrue(first.known());
    assertTrue(first.time(10).holds(2), "a fifth of a second is little to go by: " + first.time(10));
  }

  @Test
  void whatASlowBeginningTookSaysLittleOfTheRest() {
    Pace pace = new Pace();
    for (int t = 1; t <= 20; t++) {
      pace.at(t, t < 2 ? 0.1 : 10 * (t - 1)); // one second to warm up
    }
    assertEquals(10, pace.rate(), 0.2);
  }

  /** Problems in flight that have cost more than all finished ones say that the mean is higher. */
  @Test
  void unfinishedPiecesCountAsCostingMore() {
    SplittableRandom random = new SplittableRandom(1);
    double[] done = {100, 110, 90, 105};
    double few = mean(new Costs(100, done, new double[0]), random);
    double[] going = new double[12];
    Arrays.fill(going, 300);
    double more = mean(new Costs(100, done, going), random);
    assertTrue(few > 90 && few < 130, "" + few);
    assertTrue(more > 300, "twelve of sixteen cost more than 300: " + more);
    Costs costs = new Costs(100, done, going);
    for (int i = 0; i < 1000; i++) {
      assertTrue(costs.cost(costs.draw(random), 300, random) >= 300, "it has cost 300 already");
      assertTrue(costs.cost(costs.draw(random), 1e9, random) >= 1e9, "what was spent is spent");
    }
  }

  private static double mean(Costs costs, SplittableRandom random) {
    double sum = 0;
    for (int i = 0; i < 2000; i++) {
      sum += costs.cost(costs.draw(random), 0, random) / 2000;
    }
    return sum;
  }

  /** Runs of problems of log-normal cost, several in flight; asked at several times, before anything is done too. */
  @Test
  void theEndLiesInTheRangeNineTimesInTen() {
    int asked = 0;
    int time = 0;
    int work = 0;
    int early = 0;
    int earlyHeld = 0;
    for (int run = 0; run < 24; run++) {
      SplittableRandom random = new SplittableRandom(run);
      int n = 20 + random.nextInt(60);
      int full = 4 + random.nextInt(13);
      double scale = 500 * Math.exp(2 * random.nextDouble());
      double spread = 0.2 + 0.8 * random.nextDouble();
      List<Double> costs = new ArrayList<>();
      for (int i = 0; i < n; i++) {
        costs.add(scale * Math.exp(spread * random.nextGaussian()));
      }
      Played played = new Played(costs, full, 1000 * (0.7 + 0.6 * random.nextDouble()), 0.3);
      for (double part : new double[] {0.03, 0.2, 0.5, 0.8, 0.95}) {
        Played.Moment at = played.at(part * played.end);
        Forecast f = Forecast.of(new Forecast.Pieces(1000, at.done, at.going, 0, at.waiting, full), at.pace);
        asked++;
        time += f.seconds().holds(played.end - at.seconds) ? 1 : 0;
        work += f.work().holds(at.left) ? 1 : 0;
        if (at.done.length == 0) {
          early++;
          earlyHeld += f.seconds().holds(played.end - at.seconds) ? 1 : 0;
        }
      }
    }
    String held = time + " and " + work + " of " + asked + ", before anything was done " + earlyHeld + " of " + early;
    assertTrue(time >= 0.85 * asked && work >= 0.85 * asked, held);
    assertTrue(early >= 10 && earlyHeld >= 0.85 * early, held);
  }

  @Test
  void theRangeNarrows() {
    SplittableRandom random = new SplittableRandom(9);
    List<Double> costs = new ArrayList<>();
    for (int i = 0; i < 80; i++) {
      costs.add(800 * Math.exp(0.5 * random.nextGaussian()));
    }
    Played played = new Played(costs, 8, 1000, 0.2);
    double before = Double.POSITIVE_INFINITY;
    for (double part : new double[] {0.05, 0.3, 0.7, 0.95}) {
      Played.Moment at = played.at(part * played.end);
      Range left = Forecast.of(new Forecast.Pieces(5000, at.done, at.going, 0, at.waiting, 8), at.pace).seconds();
      double width = left.high() - left.low();
      assertTrue(width < before, part + ": " + left + " after a width of " + before);
      before = width;
    }
  }

  @Test
  void nothingLeftTakesNoTime() {
    Forecast none = Forecast.of(new Forecast.Pieces(10, new double[] {5}, new double[0], 0, 0, 4), steady(1, 10));
    assertEquals(new Range(0, 0, 0), none.seconds());
    assertEquals(new Range(0, 0, 0), none.work());
    Forecast half = Forecast.of(new Forecast.Pieces(10, new double[] {10, 10, 10, 11}, new double[0], 1, 0, 4), steady(1, 10));
    assertTrue(half.work().low() > 0 && half.work().low() < 3 && half.work().high() < 15, "a part of one piece: " + half);
    Forecast many = Forecast.of(new Forecast.Pieces(10, new double[] {10, 10, 10, 11}, new double[0], 0, 3000, 4), steady(1, 10));
    assertTrue(many.work().holds(30_500), "more than are played one by one: " + many);
  }

  @Test
  void resultsToExpect() {
    Range unknown = Yield.of(new int[0], 0, 100);
    assertTrue(unknown.low() < 30 && unknown.high() > 170, "nobody knows: " + unknown);
    Range sure = Yield.of(new int[] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 0, 100);
    assertTrue(sure.holds(120) && sure.low() > 100 && sure.high() < 140, sure.toString());
    assertEquals(new Range(7, 7, 7), Yield.of(new int[] {3, 4}, 0, 0));
    assertTrue(Yield.of(new int[] {0, 0, 0, 0, 0, 0, 0, 0}, 5, 6).low() >= 5, "what was found is there");
  }

  /** A run with problems that share a rate that changes every ten seconds; their progress is even. */
  private static final class Played {
    final List<double[]> problems = new ArrayList<>(); // begin and end, in work of one problem in flight
    final List<Double> times = new ArrayList<>(); // when so much of it was there, one entry a step
    final List<Double> progress = new ArrayList<>();
    final List<Double> all = new ArrayList<>();
    final double end;
    final List<Double> costs;

    record Moment(double seconds, double[] done, double[] going, int waiting, double left, Pace pace) {}

    Played(List<Double> costs, int full, double rate, double noise) {
      this.costs = costs;
      SplittableRandom random = new SplittableRandom(costs.size());
      double[] free = new double[full];
      for (double cost : costs) {
        int first = 0;
        for (int i = 1; i < full; i++) {
          first = free[i] < free[first] ? i : first;
        }
        problems.add(new double[] {free[first], free[first] + cost});
        free[first] += cost;
      }
      double total = Arrays.stream(free).max().orElseThrow();
      double step = total / 1000;
      double now = 0;
      double done = 0;
      double speed = 1;
      double until = 0;
      for (double at = 0; at < total; at += step) {
        double here = at;
        long n = problems.stream().filter(p -> p[0] <= here && p[1] > here).count();
        if (now >= until) {
          speed = Math.exp(noise * random.nextGaussian());
          until = now + 10;
        }
        now += step * n / (rate * speed * n * 1.3 / (n + 0.3 * full));
        done += step * n;
        times.add(now);
        progress.add(at + step);
        all.add(done);
      }
      end = now;
    }

    Moment at(double seconds) {
      Pace pace = new Pace();
      int i = 0;
      while (i < times.size() - 1 && times.get(i) < seconds) {
        pace.at(times.get(i), all.get(i));
        i++;
      }
      double here = progress.get(i);
      double[] done = problems.stream().filter(p -> p[1] <= here).mapToDouble(p -> p[1] - p[0]).toArray();
      double[] going = problems.stream().filter(p -> p[0] < here && p[1] > here).mapToDouble(p -> here - p[0]).toArray();
      double left = problems.stream().mapToDouble(p -> p[1] - Math.max(p[0], Math.min(p[1], here))).sum();
      return new Moment(times.get(i), done, going, costs.size() - done.length - going.length, left, pace);
    }
  }
}
