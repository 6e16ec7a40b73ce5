package dev.sphere.lab.jmh;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Two JMH results beside each other: {@code Compare BEFORE.json NOW.json [INTO.json]}. Reports, never fails on a figure.
 * INTO gets what NOW has, and of BEFORE what was not run now: so results may be taken in pieces.
 */
public final class Compare {
  private record Score(double value, double error, String unit, double bytes, boolean higherIsBetter) {}

  private Compare() {}

  public static void main(String[] args) throws java.io.IOException {
    if (args.length != 2 && args.length != 3) {
      System.err.println("usage: Compare BEFORE.json NOW.json [INTO.json]");
      System.exit(2);
    }
    Map<String, Score> before = read(Path.of(args[0]));
    Map<String, Score> now = read(Path.of(args[1]));
    System.out.printf(Locale.ROOT, "%-52s %12s %12s %-7s %7s  %s%n", "benchmark", "before", "now", "unit", "ratio",
        "bytes/op before, now");
    Map<String, Score> all = new TreeMap<>(before);
    all.putAll(now);
    for (String name : all.keySet()) {
      Score b = before.get(name);
      Score n = now.get(name);
      if (b == null || n == null) {
        System.out.printf("%-52s only in %s%n", name, b == null ? args[1] : args[0]);
        continue;
      }
      // Above 1: faster than before.
      double ratio = n.higherIsBetter ? n.value / b.value : b.value / n.value;
      boolean apart = Math.abs(n.value - b.value) > b.error + n.error;
      System.out.printf(Locale.ROOT, "%-52s %12.4g %12.4g %-7s %6.2fx%s %.0f, %.0f%n", name, b.value, n.value, n.unit,
          ratio, apart ? " " : "~", b.bytes, n.bytes);
    }
    System.out.println("ratio above 1: faster than before; ~: within both errors");
    if (args.length == 3) {
      Map<String, JsonNode> merged = new TreeMap<>(runs(Path.of(args[0])));
      merged.putAll(runs(Path.of(args[1])));
      String json = JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(merged.values());
      Files.writeString(Path.of(args[2]), json + "\n");
    }
  }

  /** What was run, by benchmark and parameters. */
  private static Map<String, JsonNode> runs(Path file) throws java.io.IOException {
    Map<String, JsonNode> runs = new LinkedHashMap<>();
    for (JsonNode run : JsonMapper.shared().readTree(Files.readString(file))) {
      StringBuilder name = new StringBuilder(run.get("benchmark").asString().replace("dev.sphere.lab.jmh.", ""));
      JsonNode params = run.get("params");
      if (params != null) {
        params.properties().forEach(p -> name.append(' ').append(p.getKey()).append('=').append(p.getValue().asString()));
      }
      runs.put(name.toString(), run);
    }
    return runs;
  }

  private static Map<String, Score> read(Path file) throws java.io.IOException {
    Map<String, Score> scores = new LinkedHashMap<>();
    runs(file).forEach((name, run) -> {
      JsonNode metric = run.get("primaryMetric");
      JsonNode gc = run.path("secondaryMetrics").path("gc.alloc.rate.norm").path("score");
      scores.put(
          name,
          new Score(
              metric.get("score").asDouble(),
              number(metric.get("scoreError")),
              metric.get("scoreUnit").asString(),
              number(gc),
              run.get("mode").asString().equals("thrpt")));
    });
    return scores;
  }

  /** JMH writes "NaN" as text where there is no number. */
  private static double number(JsonNode node) {
    return node != null && node.isNumber() ? node.asDouble() : 0;
  }
}
