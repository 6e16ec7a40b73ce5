package dev.sphere.trainer.job;

import dev.sphere.base.FreeMemory;
import dev.sphere.base.HeldFiles;
import dev.sphere.bindings.device.Arithmetic;
import dev.sphere.bindings.kernel.Activations;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.MergeType;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.autodiff.MatmulPrecision;
import dev.sphere.trainer.data.ExampleEncoder;
import dev.sphere.trainer.data.RowReader;
import dev.sphere.trainer.data.RowReport.OnBadRow;
import dev.sphere.trainer.data.RowReport;
import dev.sphere.trainer.loop.DataOrder;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loop.TrainingResult;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.model.TrainableModels;
import dev.sphere.trainer.output.RunTracker;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * A training run from files to files: an adapter (LoRA) or a model (full fine-tuning), and a folder with metrics.jsonl,
 * checkpoints/, the report and TensorBoard's event file.
 *
 * @param model the GGUF file that training starts from
 * @param output the run's folder
 * @param artefact the GGUF file to write; null: {@code adapter.gguf}, {@code model.gguf} or {@code prm.gguf} in the
 *     run's folder
 * @param maxLength most tokens of prompt and completion; the model's context, if that is less
 * @param type of a whole model's matrices; null: {@link MergeType#AUTO}
 * @param resume goes on from the newest checkpoint, if there is one
 * @param stepSeparator see {@link ExampleEncoder#withStepSeparator}; null for whole completions
 * @param stepsAlone see {@link ExampleEncoder#withStepPairs}; needs a step separator
 * @param template the Jinja text that renders dialogues; empty for the model's own chat template; null for that of the
 *     rows' search run, else the model's own
 * @param activationBytes memory for activations; layers that do not fit are computed again in the backward pass
 * @param precision see {@link MatmulPrecision}
 */
@RecordBuilder
public record TrainJob(
    Path model, Path output, Path artefact, Tuning tuning, TrainSettings settings, int maxLength, OnBadRow onBadRow,
    GgmlType type, boolean resume, String stepSeparator, boolean stepsAlone, HeldOut heldOut, String template,
    long activationBytes, Precision precision) implements TrainJobBuilder.With {
  /**
   * The result of a job.
   *
   * @param artefact the adapter or model; null when the run was stopped before its end
   * @param heldOut number of held-out rows
   */
  public record Outcome(TrainingResult result, Path artefact, RowReport rows, int heldOut) {}

  /** LoRA with rank 16 and alpha 32, sequences of 2048 tokens, bad rows skipped. */
  public static TrainJob of(Path model, Path output, TrainSettings settings) {
    return new TrainJob(
        model, output, null, Tuning.lora(16, 32), settings, 2048, OnBadRow.SKIP, null, false, null, false,
        HeldOut.none(), null, 1L << 30, Precision.USUAL);
  }

  /** Sets the step separator, and pairs of whole chosen completions. */
  @Override
  public TrainJob withStepSeparator(String value) {
    return TrainJobBuilder.With.super.withStepSeparator(value).withStepsAlone(false);
  }

  /** Sets the step separator, and pairs of two steps (Step-DPO, arXiv 2406.18629). */
  public TrainJob withStepPairs(String value) {
    return withStepSeparator(value).withStepsAlone(true);
  }

  /** Supervised fine-tuning on a file of imitation rows; see {@link RowReader}. */
  public Outcome sft(Path data, TrainingListener listener, BooleanSupplier stop) {
    return run(new TrainTask.Imitate(data), listener, stop);
  }

  /** Preference optimisation on a file of preference rows; see {@link RowReader}. */
  public Outcome dpo(Path data, LossSettings loss, TrainingListener listener, BooleanSupplier stop) {
    return run(new TrainTask.Prefer(data, loss), listener, stop);
  }

  /** Preference optimisation on the pairs of a search. */
  public Outcome dpo(List<PreferencePair> pairs, LossSettings loss, TrainingListener listener, BooleanSupplier stop) {
    return run(new TrainTask.PreferPairs(pairs, loss), listener, stop);
  }

  /**
   * Trains.
   *
   * @param stop asked before every step; true writes a checkpoint and ends the run
   */
  public Outcome run(TrainTask task, TrainingListener listener, BooleanSupplier stop) {
    requireModel();
    precision.use();
    try (HeldFiles files = new HeldFiles(List.of(model)); GgufFile base = GgufFile.openModel(model)) {
      return run(task, listener, stop, files, base);
    }
  }

  private Outcome run(TrainTask task, TrainingListener listener, BooleanSupplier stop, HeldFiles files, GgufFile base) {
    TrainJob fitted = fitted(task, base);
    TrainingData<?> prepared = TrainingData.of(fitted, task, base);
    listener.note(prepared.report().summary());
    new DataOrder(prepared.examples(), fitted.settings()).warning().ifPresent(listener::note);
    TrainPlan.requireMemory(fitted, task, prepared, base, FreeMemory.bytes());
    Outcome outcome;
    try (TrainableModel trainable = TrainableModels.open(base, modelOptions(task, base));
        RunTracker tracker = new RunTracker(output, task.loss() == null ? 0 : task.loss().beta(), listener)) {
      RunOptions options = RunOptions.in(output)
          .withResume(resume)
          .withModel(base.sha256(), identity(task, base))
          .withInformation(information(task))
          .withListener(tracker)
          .withStop(stop);
      if (!prepared.heldOut().isEmpty()) {
        options = options.withEvaluation(new RunOptions.Evaluation(prepared.heldOut(), heldOut.every()));
      }
      files.requireUnchanged(); // the hash is of the weights that were loaded
      TrainingResult result = prepared.train(trainable, fitted.settings(), options);
      files.requireUnchanged();
      Path saved = result.complete() ? Artefacts.save(this, task, base, trainable, result, prepared, listener) : null;
      tracker.report(result, prepared.samples(), prepared.report());
      outcome = new Outcome(result, saved, prepared.report(), prepared.heldOut().size());
    }
    Artefacts.requireFinite(this, task, outcome, prepared.samples().getFirst());
    return outcome;
  }

  /** Estimates memory and time of a run of this task; some steps are made in a temporary folder. */
  public TrainPlan plan(TrainTask task) {
    requireModel();
    precision.use();
    try (GgufFile base = GgufFile.openModel(model)) {
      TrainJob fitted = fitted(task, base);
      return TrainPlan.of(fitted, task, TrainingData.of(fitted, task, base), base);
    }
  }

  /** The artefact's path is as it is seen from the run's folder: both may move together. */
  private Map<String, String> information(TrainTask task) {
    Path artefact = output.toAbsolutePath().normalize().relativize(file(task).toAbsolutePath().normalize());
    return Map.of("model.path", model.toString(), "data", task.source(), "artefact",
        artefact.toString().replace('\\', '/'));
  }

  /** The artefact's file. */
  Path file(TrainTask task) {
    return artefact != null ? artefact : output.resolve(
        task instanceof TrainTask.Judge ? "prm.gguf" : tuning.isLora() ? "adapter.gguf" : "model.gguf");
  }

  private void requireModel() {
    if (!Files.isRegularFile(model)) {
      throw new IllegalArgumentException(model + ": no such model file");
    }
  }

  /** This job with micro-batches that are filled only while all layers' activations fit into memory. */
  private TrainJob fitted(TrainTask task, GgufFile base) {
    int tokens = TrainableModels.wholeTokens(base, modelOptions(task, base));
    return withSettings(settings.withPacking(settings.packing().withFillTokens(tokens)));
  }

  private Map<String, Object> identity(TrainTask task, GgufFile base) {
    Map<String, Object> identity = SettingsTree.resultValues(tuning);
    identity.put(Arithmetic.NAME, Arithmetic.here());
    identity.put("max_length", length(base));
    if (stepSeparator != null) {
      identity.put("step_separator", stepSeparator);
      if (stepsAlone) {
        identity.put("step_pairs", true);
      }
    }
    if (task instanceof TrainTask.Judge judge) {
      identity.putAll(SettingsTree.resultValues(judge.form()));
    }
    // Without an entry where the kind of activations does not change a result.
    boolean other = tuning.isLora() && base.tensors().values().stream().anyMatch(
        t -> t.type() != GgmlType.F32 && (t.type() != GgmlType.BF16 || precision.activations() == Activations.F32));
    String kind = switch (precision.activations()) {
      case INT8 -> "int8";
      case F32 -> "f32";
      case AUTO, BF16, INT16 -> "bf16";
    };
    if (other) {
      identity.put("activations", kind);
    }
    return identity;
  }

  ModelOptions modelOptions(TrainTask task, GgufFile base) {
    return tuning
        .options(settings.seed(), settings.threads(), settings.packing().microBatchTokens())
        .withContext(length(base))
        .withActivationBytes(activationBytes)
        .withProducts(switch (precision.activations()) {
          case AUTO, BF16, INT16 -> MatmulPrecision.AUTO;
          case F32 -> MatmulPrecision.F32;
          case INT8 -> MatmulPrecision.INT8;
        })
        .withRewardHead(task instanceof TrainTask.Judge judge && judge.form().isHead());
  }

  /** Tokens of the longest sequence. */
  int length(GgufFile base) {
    return (int) Math.min(maxLength, base.shape().context());
  }
}
