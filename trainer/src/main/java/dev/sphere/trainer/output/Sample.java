package dev.sphere.trainer.output;

import java.util.List;

/**
 * A training row as text.
 *
 * @param completions chosen and rejected, or the completion that is imitated, or a step's label
 */
public record Sample(String id, String prompt, List<String> completions) {}
