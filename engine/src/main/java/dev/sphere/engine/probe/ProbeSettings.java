package dev.sphere.engine.probe;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Whether a search draws some whole solutions of each problem first, and which problems it takes then.
 *
 * @param draws N, whole solutions of each problem; 0: no probe, every problem is searched
 * @param passRate LOW..HIGH, shares of right draws in [0, 1]: problems within it are searched, both ends included.
 *     Below the default's low end a search hardly meets a right solution, above its high end hardly a wrong one. With
 *     up to 20 draws it takes every problem that was solved once
 * @param order of the search; with {@code take} also which problems it takes
 * @param take most problems that are searched; 0: all that the pass rate allows
 * @param pairs the probe's own right and wrong solutions fill up the pairs of the problems within the pass rate. They
 *     are paid for; the search's own pairs come first
 */
public record ProbeSettings(
    @Setting(name = "probe", def = "0", shown = "0, no probe", range = "[0, 10000]", label = "N",
        help = "Draw N whole solutions of each problem first, and search those problems whose share of right ones "
            + "lies in the pass rate.")
    int draws,
    @Setting(name = "pass_rate", def = "0.05..0.8", label = "LOW..HIGH", needs = "probe", by = PassRate.class,
        help = "Shares of right draws between which a problem is searched, both included; 0.01..0.99: solved at least "
            + "once and not always.")
    String passRate,
    @Setting(name = "order", def = "easiest", label = "RULE", needs = "probe",
        help = "Order of the search: easiest (highest pass rate first), mixed (one of each pass rate in turn, by the "
            + "seed) or file (as they came).")
    Order order,
    @Setting(name = "take", def = "0", shown = "0, all", range = "[0, )", label = "M", unit = "problems",
        needs = "probe",
        help = "Search only the first M of the problems that the pass rate allows, in that order.")
    int take,
    @Setting(name = "probe_pairs", def = "true", needs = "probe",
        help = "The probe's own right and wrong solutions make pairs where the search leaves room for them.")
    boolean pairs) {
  /** The order in which problems are searched. */
  public enum Order {
    /** Highest pass rate first; equal ones as they came. */
    EASIEST,
    /** One of each pass rate in turn, highest first; the seed orders problems of equal pass rates. */
    MIXED,
    /** As they came. */
    FILE
  }

  /** Reads {@code LOW..HIGH} and gives it back. */
  public static final class PassRate implements Function<String, String> {
    @Override
    public String apply(String text) {
      ends(text);
      return text.strip();
    }

    private static double[] ends(String text) {
      String[] parts = text.strip().split("\\.\\.", 2);
      try {
        double low = Double.parseDouble(parts[0]);
        double high = Double.parseDouble(parts[parts.length - 1]);
        if (parts.length == 2 && 0 <= low && low <= high && high <= 1) {
          return new double[] {low, high};
        }
      } catch (NumberFormatException e) {
        // refused below
      }
      throw new IllegalArgumentException(
          "a pass rate must be LOW..HIGH, two shares from 0 to 1 such as 0.05..0.8, not '" + text + "'");
    }
  }

  /**
   * Which problems are searched.
   *
   * @param taken ids in the order of the search
   * @param below ids of problems with a lower pass rate
   * @param above ids of problems with a higher one
   * @param surplus ids of problems within the pass rate that came after the last one to take
   */
  public record Selection(List<String> taken, Set<String> below, Set<String> above, Set<String> surplus) {}

  public ProbeSettings {
    SettingsTree.requireRanges(ProbeSettings.class, draws, passRate, order, take, pairs);
    PassRate.ends(passRate);
  }

  /** No probe. */
  public static ProbeSettings none() {
    return SettingsTree.of(ProbeSettings.class).make(ProbeSettings.class, GivenSettings.nothing());
  }

  /** A probe of {@code draws} draws, with the other defaults. */
  public static ProbeSettings of(int draws) {
    ProbeSettings none = none();
    return new ProbeSettings(draws, none.passRate, none.order, none.take, none.pairs);
  }

  /** Whether there is a probe. */
  public boolean on() {
    return draws > 0;
  }

  /**
   * The problems that are searched. It depends on probes, settings and seed alone.
   *
   * @param probed in the problems' order
   * @param seed the run's
   */
  public Selection select(List<Probed> probed, long seed) {
    double[] ends = PassRate.ends(passRate);
    Set<String> below = new LinkedHashSet<>();
    Set<String> above = new LinkedHashSet<>();
    List<Probed> within = new ArrayList<>();
    for (Probed p : probed) {
      if (p.passRate() < ends[0]) {
        below.add(p.problemId());
      } else if (p.passRate() > ends[1]) {
        above.add(p.problemId());
      } else {
        within.add(p);
      }
    }
    List<String> ordered = ordered(within, seed).stream().map(Probed::problemId).toList();
    int n = take == 0 ? ordered.size() : Math.min(take, ordered.size());
    return new Selection(
        ordered.subList(0, n), below, above, new LinkedHashSet<>(ordered.subList(n, ordered.size())));
  }

  private List<Probed> ordered(List<Probed> within, long seed) {
    return switch (order) {
      case FILE -> within;
      case EASIEST -> // a stable sort
          within.stream().sorted(Comparator.comparingDouble(Probed::passRate).reversed()).toList();
      case MIXED -> {
        Map<Double, List<Probed>> byRate = new TreeMap<>(Comparator.reverseOrder());
        within.forEach(p -> byRate.computeIfAbsent(p.passRate(), r -> new ArrayList<>()).add(p));
        byRate.values().forEach(equals ->
            equals.sort(Comparator.comparingLong(p -> SplitMix.mix(seed ^ SplitMix.hash(p.problemId())))));
        List<Probed> mixed = new ArrayList<>();
        for (int i = 0; mixed.size() < within.size(); i++) {
          for (List<Probed> equals : byRate.values()) {
            if (i < equals.size()) {
              mixed.add(equals.get(i));
            }
          }
        }
        yield mixed;
      }
    };
  }
}
