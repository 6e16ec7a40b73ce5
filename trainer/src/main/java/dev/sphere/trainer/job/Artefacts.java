package dev.sphere.trainer.job;

import dev.sphere.gguf.GgufFile;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.ModelMerge;
import dev.sphere.gguf.PrmInfo;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.data.StepEncoder.Labels;
import dev.sphere.trainer.loop.TrainingResult;
import dev.sphere.trainer.output.ModelOutput;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes what came out of a job: an adapter, a model, or a process reward model with its declaration. */
final class Artefacts {
  private Artefacts() {}

  static Path save(
      TrainJob job, TrainTask task, GgufFile base, TrainableModel trained, TrainingResult result, Labels labels) {
    if (task instanceof TrainTask.Judge) {
      return judge(job, base, trained, result, labels);
    }
    boolean lora = job.tuning().isLora();
    Path file = job.artefact() != null ? job.artefact() : job.output().resolve(lora ? "adapter.gguf" : "model.gguf");
    if (lora) {
      ModelOutput.adapter(file, base, trained.parameters(), job.tuning().scaledAlpha(), result);
    } else {
      ModelOutput.model(file, base, trained.parameters(), job.type(), result);
    }
    return file;
  }

  /** A whole model (an adapter is merged into it) that says how its scores are read. */
  private static Path judge(
      TrainJob job, GgufFile base, TrainableModel trained, TrainingResult result, Labels labels) {
    Path file = job.artefact() != null ? job.artefact() : job.output().resolve("prm.gguf");
    Path plain = file.resolveSibling(file.getFileName() + ".plain.tmp");
    Path adapter = file.resolveSibling(file.getFileName() + ".adapter.tmp");
    try {
      if (job.tuning().isLora()) {
        ModelOutput.adapter(adapter, base, trained.parameters(), job.tuning().scaledAlpha(), result);
        ModelMerge.merge(job.model(), adapter, job.type(), plain, name -> {});
      } else {
        ModelOutput.model(plain, base, trained.parameters(), job.type(), result);
      }
      try (GgufFile model = GgufFile.openModel(plain)) {
        GgufWriter writer = new GgufWriter().putAll(model.metadata());
        declare(writer, labels);
        model.tensors().values().forEach(tensor -> writer.copy(model, tensor));
        writer.write(file);
      }
      return file;
    } finally {
      delete(plain);
      delete(adapter);
    }
  }

  private static void declare(GgufWriter writer, Labels labels) {
    writer.put("sphere.prm.form", GgufValue.string("token"))
        .put("sphere.prm.layout", GgufValue.string(PrmInfo.Layout.CHAT.label()))
        .put("sphere.prm.good_token", GgufValue.u32(labels.good()))
        .put("sphere.prm.bad_token", GgufValue.u32(labels.bad()));
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
