package dev.sphere.trainer.loop;

import java.nio.file.Path;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * Where a run lives and who watches it.
 *
 * @param output the run's folder: metrics.jsonl, checkpoints/, the reference's cached log-probabilities
 * @param resume goes on from the newest checkpoint, if there is one; otherwise a folder with checkpoints is refused
 * @param modelHash SHA-256 of the model file that training starts from; part of the run's identity
 * @param modelSettings what else shapes the result (template, max-length, LoRA rank and so on); compared on resume
 * @param listener hears of progress
 * @param stop asked before every step; true: write a checkpoint and return
 */
public record RunOptions(
    Path output,
    boolean resume,
    String modelHash,
    Map<String, Object> modelSettings,
    TrainingListener listener,
    BooleanSupplier stop) {
  public RunOptions {
    modelSettings = Map.copyOf(modelSettings);
  }

  /** A fresh run in a folder, unwatched. */
  public static RunOptions in(Path output) {
    return new RunOptions(output, false, "unknown", Map.of(), TrainingListener.NONE, () -> false);
  }

  public RunOptions withResume(boolean value) {
    return new RunOptions(output, value, modelHash, modelSettings, listener, stop);
  }

  public RunOptions withModel(String hash, Map<String, Object> settings) {
    return new RunOptions(output, resume, hash, settings, listener, stop);
  }

  public RunOptions withListener(TrainingListener value) {
    return new RunOptions(output, resume, modelHash, modelSettings, value, stop);
  }

  public RunOptions withStop(BooleanSupplier value) {
    return new RunOptions(output, resume, modelHash, modelSettings, listener, value);
  }
}
