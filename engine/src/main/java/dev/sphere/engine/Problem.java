package dev.sphere.engine;

import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * A problem with a known final answer.
 *
 * @param id unique within its problem set; stable across runs (used in sampling keys and in the run store)
 * @param question the text that the policy sees
 * @param answer the gold final answer, as the data set writes it (never empty)
 * @param metadata other published fields worth keeping (level, subject, source), as text; sorted by name, so
 *     that what is written of a problem is the same in every process
 */
public record Problem(String id, String question, String answer, Map<String, String> metadata) {
  public Problem {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(question, "question");
    Objects.requireNonNull(answer, "answer");
    metadata = Collections.unmodifiableMap(new TreeMap<>(Map.copyOf(metadata)));
  }

  /** A problem without metadata. */
  public Problem(String id, String question, String answer) {
    this(id, question, answer, Map.of());
  }
}
