package dev.sphere.trainer.checkpoint;

import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Means of metrics over the steps between two log lines. */
public final class MetricSums {
  private final Map<String, double[]> sums = new LinkedHashMap<>();

  public void add(String name, double value) {
    double[] sum = sums.computeIfAbsent(name, n -> new double[2]);
    sum[0] += value;
    sum[1]++;
  }

  /** The means, in the order in which the metrics first appeared. */
  public Map<String, Double> means() {
    Map<String, Double> means = new LinkedHashMap<>();
    sums.forEach((name, sum) -> means.put(name, sum[0] / sum[1]));
    return means;
  }

  /** Sum and count of each metric, to be saved. */
  Map<String, double[]> state() {
    return sums;
  }

  /** Sets the sums and counts to those of a {@link #state}. */
  public void restore(JsonNode state) {
    sums.clear();
    for (String name : state.propertyNames()) {
      sums.put(name, new double[] {state.path(name).path(0).asDouble(), state.path(name).path(1).asDouble()});
    }
  }

  /** Forgets all values. */
  public void clear() {
    sums.clear();
  }
}
