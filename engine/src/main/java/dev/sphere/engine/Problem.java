package dev.sphere.engine;

import java.util.Map;
import java.util.Objects;

/**
 * A problem with a known final answer.
 *
 * @param id unique within its problem set; stable across runs (used in sampling keys and in the run store)
 * @param question the text that the policy sees
 * @param answer the gold final answer, as the data set writes it (never empty)
 * @param metadata other published fields worth keeping (level, subject, source), as text
 */
public record Problem(String id, String question, String answer, Map<String, String> metadata) {
  public Problem {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(question, "question");
    Objects.requireNonNull(answer, "answer");
    metadata = Map.copyOf(metadata);
  }

  /** A problem without metadata. */
  public Problem(String id, String question, String answer) {
    this(id, question, answer, Map.of());
  }
}
