package dev.sphere.lab.bench;

import java.io.PrintStream;
import java.util.Locale;
import java.util.stream.Collectors;

/** Prints a benchmark's result as a table. */
final class BenchReport {
  private BenchReport() {}

  static void table(BenchResult result, PrintStream out) {
    String shape =
        result.shape().entrySet().stream()
            .map(e -> e.getKey() + " " + e.getValue())
            .collect(Collectors.joining(", "));
    out.println(result.name() + ": " + shape);
    for (Figure f : result.figures()) {
      out.printf(Locale.ROOT, "  %-52s %12s %-8s (%s to %s)%n", f.name(), number(f.median()), f.unit(), number(f.low()),
          number(f.high()));
    }
    for (Ratio r : result.ratios()) {
      Figure f = r.value();
      String aim =
          r.hasAim() ? String.format(Locale.ROOT, ", aim %.2f%s", r.aim(), r.reached() ? "" : ": missed") : "";
      out.printf(Locale.ROOT, "  %-52s %12.2f x        (%.2f to %.2f)%s%n", f.name(), f.median(), f.low(), f.high(), aim);
    }
  }

  /** Three significant digits. */
  private static String number(double v) {
    double size = Math.abs(v);
    return String.format(Locale.ROOT, size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : size >= 1 ? "%.2f" : "%.3f", v);
  }
}
