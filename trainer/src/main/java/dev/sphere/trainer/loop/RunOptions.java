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
 * A run's folder, identity and listeners.
 *
 * @param output the run's folder: metrics.jsonl, rows.jsonl, checkpoints/, the reference's cached log-probabilities
 * @param resume goes on from the newest checkpoint, if there is one; false refuses a folder with checkpoints
 * @param modelHash SHA-256 of the model file that training starts from; part of the run's identity
 * @param modelSettings other settings that change the result (max-length, LoRA rank and so on); part of the identity
 * @param information what else the run's folder says of it: its model's file, its rows, where the artefact goes
 * @param listener receives progress
 * @param stop asked before every step; true writes a checkpoint and ends the run
 * @param evaluation null where nothing is measured beside training
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
   * Held-out examples, measured before the first step, every {@code every} steps and after the last.
   *
   * @param examples at least one, of the kind that is trained on
   * @param every steps between two measurements; 0: only before the first and after the last
   */
  public record Evaluation(List<? extends Example> examples, int every) {}

  public RunOptions {
    // Artefacts list the settings in order; Map.copyOf has another order in every process.
    modelSettings = Collections.unmodifiableMap(new LinkedHashMap<>(modelSettings));
    information = Collections.unmodifiableMap(new LinkedHashMap<>(information));
  }

  /** A fresh run in a folder, without listener, stop and evaluation. */
  public static RunOptions in(Path output) {
    return new RunOptions(output, false, "unknown", Map.of(), Map.of(), TrainingListener.NONE, () -> false, null);
  }

  public RunOptions withModel(String hash, Map<String, Object> settings) {
    return withModelHash(hash).withModelSettings(settings);
  }
}
