package dev.sphere.trainer.job;

import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.model.ModelOptions;

/** What a job works out of its model's file, which is opened for the time of it. */
final class Opened {
  private Opened() {}

  static TrainingData<?> prepared(TrainJob job, TrainTask task) {
    try (GgufFile base = GgufFile.openModel(job.model())) {
      return TrainingData.of(job, task, base);
    }
  }

  static ModelOptions options(TrainJob job, TrainTask task) {
    try (GgufFile base = GgufFile.openModel(job.model())) {
      return job.modelOptions(task, base);
    }
  }

  static int length(TrainJob job) {
    try (GgufFile base = GgufFile.openModel(job.model())) {
      return job.length(base);
    }
  }
}
