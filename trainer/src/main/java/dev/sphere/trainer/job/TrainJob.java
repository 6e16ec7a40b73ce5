package dev.sphere.trainer.job;

import dev.sphere.bindings.Model;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.model.ChatTemplate;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufFile;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.ExampleEncoder;
import dev.sphere.trainer.data.RowReader;
import dev.sphere.trainer.data.RowReport;
import dev.sphere.trainer.data.RowReport.OnBadRow;
import dev.sphere.trainer.data.TextEncoder;
import dev.sphere.trainer.loop.DpoTrainer;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.SftTrainer;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loop.TrainingResult;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.model.TrainableModels;
import dev.sphere.trainer.output.ModelOutput;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * A training run from files to files: an adapter (LoRA) or a model (full fine-tuning), and a folder with metrics.jsonl
 * and checkpoints/.
 *
 * @param model the model that training starts from, a GGUF file
 * @param output the run's folder
 * @param artefact the GGUF file to write; null: {@code adapter.gguf} or {@code model.gguf} in the run's folder
 * @param tuning LoRA or all weights
 * @param settings of the loop
 * @param maxLength most tokens of prompt and completion together; the model's context, if that is less
 * @param onBadRow what is done about rows that cannot be used
 * @param type of a whole model's matrices; null: as in the base
 * @param resume goes on from the newest checkpoint, if there is one
 * @param stepSeparator where it is given, a rejected completion counts only up to the end of its first step that differs
 *     from the chosen one's (see {@link ExampleEncoder#withStepSeparator}); null: the whole
 */
public record TrainJob(
    Path model,
    Path output,
    Path artefact,
    Tuning tuning,
    TrainSettings settings,
    int maxLength,
    OnBadRow onBadRow,
    GgmlType type,
    boolean resume,
    String stepSeparator) {

  /**
   * What came out.
   *
   * @param result of the loop
   * @param artefact the adapter or model; null when the run was asked to stop before its end
   * @param rows what became of the rows
   */
  public record Outcome(TrainingResult result, Path artefact, RowReport rows) {}

  /** LoRA with rank 16 and alpha 32, sequences of 2048 tokens, bad rows skipped. */
  public static TrainJob of(Path model, Path output, TrainSettings settings) {
    return new TrainJob(model, output, null, Tuning.lora(16, 32), settings, 2048, OnBadRow.SKIP, null, false, null);
  }

  /** Writes the adapter or model to a file of that name. */
  public TrainJob withArtefact(Path value) {
    return new TrainJob(model, output, value, tuning, settings, maxLength, onBadRow, type, resume, stepSeparator);
  }

  public TrainJob withTuning(Tuning value) {
    return new TrainJob(model, output, artefact, value, settings, maxLength, onBadRow, type, resume, stepSeparator);
  }

  public TrainJob withMaxLength(int value) {
    return new TrainJob(model, output, artefact, tuning, settings, value, onBadRow, type, resume, stepSeparator);
  }

  public TrainJob withOnBadRow(OnBadRow value) {
    return new TrainJob(model, output, artefact, tuning, settings, maxLength, value, type, resume, stepSeparator);
  }

  public TrainJob withType(GgmlType value) {
    return new TrainJob(model, output, artefact, tuning, settings, maxLength, onBadRow, value, resume, stepSeparator);
  }

  public TrainJob withResume(boolean value) {
    return new TrainJob(model, output, artefact, tuning, settings, maxLength, onBadRow, type, value, stepSeparator);
  }

  /** Counts of a rejected completion only what comes up to the end of its first step that differs; null: the whole. */
  public TrainJob withStepSeparator(String value) {
    return new TrainJob(
        model, output, artefact, tuning, settings, maxLength, onBadRow, type, resume, value);
  }

  /** What {@link #sft} would take. */
  public Forecast forecastSft(Path data) {
    RowReport report = new RowReport(data.toString(), onBadRow);
    List<Example.Imitation> examples = encode(encoder -> new ExampleEncoder(encoder, length(), report)
        .imitations(new RowReader(encoder, report).imitations(data)));
    return forecast(examples, report, 3);
  }

  /** What {@link #dpo} would take. */
  public Forecast forecastDpo(Path data, LossSettings loss) {
    RowReport report = new RowReport(data.toString(), onBadRow);
    List<Example.Preference> examples =
        encode(encoder -> new ExampleEncoder(encoder, length(), report).withStepSeparator(stepSeparator)
            .preferences(new RowReader(encoder, report).preferences(data)));
    return forecast(examples, report, loss.needsReference() ? 4 : 3);
  }

  private Forecast forecast(List<? extends Example> examples, RowReport report, int passes) {
    if (report.usedCount() == 0) {
      throw new IllegalArgumentException("there is nothing to train on: " + report.summary());
    }
    ModelOptions options =
        tuning.options(settings.seed(), settings.threads(), settings.packing().microBatchTokens()).withContext(length());
    return Forecast.of(model, options, settings, examples, report, passes);
  }

  /** Supervised fine-tuning on a file of imitation rows ({@link RowReader} says which). */
  public Outcome sft(Path data, TrainingListener listener, BooleanSupplier stop) {
    RowReport report = new RowReport(data.toString(), onBadRow);
    List<Example.Imitation> examples = encode(encoder -> new ExampleEncoder(encoder, length(), report)
        .imitations(new RowReader(encoder, report).imitations(data)));
    return train(report, listener, stop, (m, options) -> new SftTrainer(m, examples, settings, options).run());
  }

  /** Preference optimisation on a file of preference rows ({@link RowReader} says which). */
  public Outcome dpo(Path data, LossSettings loss, TrainingListener listener, BooleanSupplier stop) {
    RowReport report = new RowReport(data.toString(), onBadRow);
    List<Example.Preference> examples = encode(encoder -> new ExampleEncoder(encoder, length(), report).withStepSeparator(stepSeparator)
        .preferences(new RowReader(encoder, report).preferences(data)));
    return dpo(examples, report, loss, listener, stop);
  }

  /** Preference optimisation on the pairs of a search. */
  public Outcome dpo(List<PreferencePair> pairs, LossSettings loss, TrainingListener listener, BooleanSupplier stop) {
    RowReport report = new RowReport("pairs", onBadRow);
    List<Example.Preference> examples =
        encode(encoder -> new ExampleEncoder(encoder, length(), report).withStepSeparator(stepSeparator).preferences(pairs));
    return dpo(examples, report, loss, listener, stop);
  }

  private Outcome dpo(
      List<Example.Preference> examples,
      RowReport report,
      LossSettings loss,
      TrainingListener listener,
      BooleanSupplier stop) {
    return train(report, listener, stop, (m, options) -> new DpoTrainer(m, examples, loss, settings, options).run());
  }

  /** Runs the loop over an opened model. */
  private interface Loop {
    TrainingResult run(TrainableModel model, RunOptions options);
  }

  private Outcome train(RowReport report, TrainingListener listener, BooleanSupplier stop, Loop loop) {
    listener.note(report.summary());
    if (report.usedCount() == 0) {
      throw new IllegalArgumentException("there is nothing to train on: " + report.summary());
    }
    int microTokens = settings.packing().microBatchTokens();
    try (GgufFile base = GgufFile.openModel(model);
        TrainableModel trainable =
            TrainableModels.open(
                model, tuning.options(settings.seed(), settings.threads(), microTokens).withContext(length()))) {
      Map<String, Object> identity = new LinkedHashMap<>(tuning.toMap());
      identity.put("max_length", length());
      if (stepSeparator != null) {
        identity.put("step_separator", stepSeparator);
      }
      RunOptions options = RunOptions.in(output)
          .withResume(resume)
          .withModel(base.sha256(), identity)
          .withListener(listener)
          .withStop(stop);
      TrainingResult result = loop.run(trainable, options);
      return new Outcome(result, result.complete() ? save(base, trainable, result) : null, report);
    }
  }

  private Path save(GgufFile base, TrainableModel trained, TrainingResult result) {
    Path file = artefact != null ? artefact : output.resolve(tuning.isLora() ? "adapter.gguf" : "model.gguf");
    if (tuning.isLora()) {
      ModelOutput.adapter(file, base, trained.parameters(), tuning.alpha(), result);
    } else {
      ModelOutput.model(file, base, trained.parameters(), type, result);
    }
    return file;
  }

  private <T> T encode(Function<TextEncoder, T> body) {
    if (!Files.isRegularFile(model)) {
      throw new IllegalArgumentException(model + ": no such model file");
    }
    try (Model vocabulary = Model.load(model, Model.Options.onlyVocabulary())) {
      ChatTemplate template = ChatTemplate.of(vocabulary);
      return body.apply(TextEncoder.of(vocabulary.vocabulary(), messages -> template.render(messages, true)));
    }
  }

  private int length() {
    try (GgufFile file = GgufFile.openModel(model)) {
      return (int) Math.min(maxLength, file.shape().context());
    }
  }
}
