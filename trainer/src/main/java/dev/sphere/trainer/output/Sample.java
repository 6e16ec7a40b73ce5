package dev.sphere.trainer.output;

import java.util.List;

/**
 * A training row in words.
 *
 * @param id names the row
 * @param prompt what comes before
 * @param completions chosen and rejected, or the one that is imitated
 */
public record Sample(String id, String prompt, List<String> completions) {
  public Sample {
    completions = List.copyOf(completions);
  }
}
