package dev.sphere.trainer.checkpoint;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The metrics of one line of the log, means over its steps, under TRL's names.
 *
 * @param step the last of these steps, counted from 1
 * @param epoch passes over the data so far, as a fraction
 * @param values loss, grad_norm, learning_rate, rewards/..., logps/..., num_tokens, tokens_per_second and so on
 */
public record StepMetrics(int step, double epoch, Map<String, Double> values) {
  public StepMetrics {
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  /** A value by name; NaN when there is none. */
  public double get(String name) {
    return values.getOrDefault(name, Double.NaN);
  }
}
