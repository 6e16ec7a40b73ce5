package dev.sphere.trainer.job;

import dev.sphere.bindings.kernel.GgmlQuantizer;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.engine.decode.LogProbShift;
import dev.sphere.engine.store.FileSums;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.make.MergeType;
import dev.sphere.gguf.make.ModelMerge;
import dev.sphere.gguf.make.Rounding;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.PrmInfo;
import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.data.StepEncoder.Labels;
import dev.sphere.trainer.loop.NonFiniteLossException;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loop.TrainingResult;
import dev.sphere.trainer.output.ModelOutput;
import dev.sphere.trainer.output.Sample;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Writes a job's adapter, model, or process reward model with its declaration. */
final class Artefacts {
  /** Tokens that are read of what was written. */
  private static final int TRIED = 64;

  private Artefacts() {}

  /** Writes the artefact and records its sum; notes a damaged earlier one, which it replaces. */
  static Path save(
      TrainJob job, TrainTask task, GgufFile base, TrainableModel trained, TrainingResult result,
      TrainingData<?> prepared, TrainingListener listener) {
    FileSums sums = new FileSums(job.output());
    sums.check("written again from the last checkpoint").forEach(f -> listener.note(f.toString()));
    Path file = write(job, task, base, trained, result, prepared, listener);
    sums.put(file);
    return file;
  }

  /**
   * Reads one of the training's rows with what was written, as llama.cpp computes it: there weights that the
   * trainer's own pass survived can overflow. What gives NaN is deleted. DoRA's magnitudes, which llama.cpp does not
   * apply, and process reward models are left alone.
   */
  static void requireFinite(TrainJob job, TrainTask task, TrainJob.Outcome outcome, Sample row) {
    Path file = outcome.artefact();
    boolean lora = job.tuning().isLora();
    if (file == null || task instanceof TrainTask.Judge || lora && job.tuning().magnitudes()) {
      return;
    }
    try {
      String text = row.prompt() + row.completions().getFirst();
      List<float[]> read = LogProbShift.read(lora ? job.model() : file, lora ? file : null, List.of(text), TRIED);
      if (Double.isNaN(LogProbShift.between(read, read).mean())) {
        throw new LlamaException("a log-probability is NaN.");
      }
    } catch (LlamaException e) {
      if (!e.getMessage().contains("NaN")) {
        throw e;
      }
      delete(file);
      throw new NonFiniteLossException(outcome.result().steps(), "the training has ruined the model, most likely by "
          + "its learning rate. It is read once more with " + file + ": " + e.getMessage()
          + " The file is deleted; train anew with a lower learning rate in another folder");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static Path write(
      TrainJob job, TrainTask task, GgufFile base, TrainableModel trained, TrainingResult result,
      TrainingData<?> prepared, TrainingListener listener) {
    if (task instanceof TrainTask.Judge) {
      return judge(job, job.file(task), base, trained, result, prepared, listener);
    }
    Path file = job.file(task);
    if (job.tuning().isLora()) {
      ModelOutput.adapter(file, base, trained.parameters(), job.tuning().scaledAlpha(), result);
    } else {
      noteRounding(ModelOutput.model(file, base, trained.parameters(), job.type(), result), listener);
    }
    return file;
  }

  /** Notes how much of the training is lost by rounding: with a small learning rate, BF16 can lose most of it. */
  private static void noteRounding(List<Rounding> rounded, TrainingListener listener) {
    if (!rounded.isEmpty()) {
      Rounding all = Rounding.sum(rounded);
      boolean kept = all.keeps() || all.type() == GgmlType.F32;
      listener.note(Rounding.words(rounded, "") + (kept ? "" : " The type f32 keeps it."));
    }
  }

  /** Writes a whole process reward model, with the adapter merged, whose metadata declare how its scores are read. */
  private static Path judge(
      TrainJob job, Path file, GgufFile base, TrainableModel trained, TrainingResult result, TrainingData<?> prepared,
      TrainingListener listener) {
    Path plain = file.resolveSibling(file.getFileName() + ".plain.tmp");
    Path adapter = file.resolveSibling(file.getFileName() + ".adapter.tmp");
    try {
      List<Parameter> head = new ArrayList<>();
      List<Parameter> body = new ArrayList<>();
      trained.parameters().forEach(p -> (PrmInfo.HEAD_TENSORS.contains(p.name()) ? head : body).add(p));
      if (job.tuning().isLora()) {
        ModelOutput.adapter(adapter, base, body, job.tuning().scaledAlpha(), result);
        noteRounding(ModelMerge.merge(
            job.model(), adapter, MergeType.of(job.type()), GgmlQuantizer::quantize, plain, name -> {}).changed(),
            listener);
      } else {
        noteRounding(ModelOutput.model(plain, base, body, job.type(), result), listener);
      }
      try (GgufFile model = GgufFile.openModel(plain)) {
        GgufWriter writer = new GgufWriter().putAll(model.metadata());
        declare(writer, prepared.labels(), prepared.template());
        model.tensors().values().forEach(tensor -> writer.copy(model, tensor));
        ModelOutput.add(writer, head);
        writer.write(file);
      }
      return file;
    } finally {
      delete(plain);
      delete(adapter);
    }
  }

  private static void declare(GgufWriter writer, Labels labels, String template) {
    writer.put("sphere.prm.form", GgufValue.string(labels.isHead() ? "head" : "token"))
        .put("sphere.prm.layout", GgufValue.string(PrmInfo.Layout.CHAT.label()));
    if (!labels.isHead()) {
      writer.put("sphere.prm.good_token", GgufValue.u32(labels.good()))
          .put("sphere.prm.bad_token", GgufValue.u32(labels.bad()));
    }
    if (!template.isEmpty()) { // search reads steps with the template in the file
      writer.put("tokenizer.chat_template", GgufValue.string(template));
    }
    if (labels.separator() != PrmInfo.NONE) {
      writer.put("sphere.prm.separator_token", GgufValue.u32(labels.separator()));
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete the temporary file " + file + ": " + e.getMessage(), e);
    }
  }
}
