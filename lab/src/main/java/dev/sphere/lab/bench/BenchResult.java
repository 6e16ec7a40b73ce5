package dev.sphere.lab.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The figures of a benchmark.
 *
 * @param name of the benchmark
 * @param shape what was run: sizes, settings, the model
 * @param figures all that was measured
 * @param ratios the figures that have a baseline
 */
public record BenchResult(String name, Map<String, Object> shape, List<Figure> figures, List<Ratio> ratios) {

  /** The figure of a name. */
  public Figure figure(String wanted) {
    return figures.stream().filter(f -> f.name().equals(wanted)).findFirst().orElseThrow();
  }

  /** For JSON, the machine's facts included. */
  public Map<String, Object> toMap() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("bench", name);
    all.put("shape", shape);
    all.put("figures", figures.stream().map(BenchResult::map).toList());
    all.put(
        "ratios",
        ratios.stream()
            .map(
                r -> {
                  Map<String, Object> m = map(r.value());
                  if (r.hasAim()) {
                    m.put("aim", r.aim());
                    m.put("reached", r.reached());
                  }
                  return m;
                })
            .toList());
    all.put("machine", MachineFacts.now());
    return all;
  }

  private static Map<String, Object> map(Figure f) {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("name", f.name());
    m.put("unit", f.unit());
    m.put("median", f.median());
    m.put("low", f.low());
    m.put("high", f.high());
    m.put("spread", f.spread());
    m.put("samples", f.samples());
    return m;
  }
}
