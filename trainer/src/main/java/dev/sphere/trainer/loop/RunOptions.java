package dev.sphere.trainer.loop;

import dev.sphere.trainer.data.Example;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * Where a run lives and who watches it.
 *
 * @param output the run's folder: metrics.jsonl, rows.jsonl, checkpoints/, the reference's cached log-probabilities
 * @param resume goes on from the newest checkpoint, if there is one; otherwise a folder with checkpoints is refused
 * @param modelHash SHA-256 of the model file that training starts from; part of the run's identity
 * @param modelSettings what else shapes the result (template, max-length, LoRA rank and so on); compared on resume
 * @param information what else the run's folder says of it: its model's file, its rows, where the artefact goes
 * @param listener hears of progress
 * @param stop asked before every step; true: write a checkpoint and return
 * @param evaluation what is measured on examples that are not trained on; null for nothing
 */
@RecordBuilder
public record RunOptions(
    Path output,
    boolean resume,
    String modelHash,
    Map<String, Object> modelSettings,
    Map<String, String> information,
    TrainingListener listener,
    BooleanSupplier stop,
    Evaluation evaluation) implements RunOptionsBuilder.With {
  /**
   * Held-out examples, whose metrics are read before the first step, every so many steps and after the last. They change
   * nothing in what is trained.
   *
   * @param examples of the kind that is trained on
   * @param every steps between two readings; 0: only before the first and after the last
   */
  public record Evaluation(List<? extends Example> examples, int every) {
    public Evaluation {
      examples = List.copyOf(examples);
      if (examples.isEmpty() || every < 0) {
        throw new IllegalArgumentException(
            "an evaluation needs at least 1 held-out row, and not a negative number of steps between: " + every);
      }
    }
  }

  public RunOptions {
    // In order: artefacts list them, and Map.copyOf has another order in every process.
    modelSettings = Collections.unmodifiableMap(new LinkedHashMap<>(modelSettings));
    information = Collections.unmodifiableMap(new LinkedHashMap<>(information));
  }

  /** A fresh run in a folder, unwatched. */
  public static RunOptions in(Path output) {
    return new RunOptions(output, false, "unknown", Map.of(), Map.of(), TrainingListener.NONE, () -> false, null);
  }

  public RunOptions withModel(String hash, Map<String, Object> settings) {
    return withModelHash(hash).withModelSettings(settings);
  }
}
