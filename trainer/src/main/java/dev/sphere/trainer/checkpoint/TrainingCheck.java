package dev.sphere.trainer.checkpoint;

import dev.sphere.engine.store.FileSums;
import dev.sphere.engine.store.Finding;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Finds what is missing or damaged in a training run's folder, with what a resumed run does about it. */
public final class TrainingCheck {
  private TrainingCheck() {}

  /** Whether training wrote to the folder. */
  public static boolean isTraining(Path folder) {
    return !Checkpoints.files(folder.resolve("checkpoints")).isEmpty() || Files.isRegularFile(MetricsLog.in(folder));
  }

  /**
   * Reads checkpoints, metrics, cached references and the trained files; changes nothing. Empty where all are whole.
   */
  public static List<Finding> of(Path folder) {
    List<Finding> findings = new ArrayList<>();
    List<Finding> damaged = new ArrayList<>();
    TensorFile newest = null;
    List<Path> checkpoints = Checkpoints.files(folder.resolve("checkpoints")).reversed();
    for (Path file : checkpoints) {
      try {
        TensorFile opened = TensorFile.open(file);
        newest = newest == null ? opened : newest;
      } catch (IOException e) {
        damaged.add(Finding.mended(file, 0, "damaged (" + e.getMessage() + ")",
            newest == null ? "kept aside; training goes on from the one before" : "kept aside; a newer one is whole"));
      }
    }
    if (newest == null && !checkpoints.isEmpty()) {
      damaged.replaceAll(f -> Finding.refused(f.file(), f.lost(), Checkpoints.NONE_IS_WHOLE));
    }
    findings.addAll(damaged);
    Path metrics = MetricsLog.in(folder);
    if (newest != null) {
      int line = MetricsLog.firstDifference(MetricsLog.read(metrics), Checkpoints.metrics(newest));
      if (line > 0) {
        findings.add(Finding.mended(metrics, line, "missing or damaged", MetricsLog.FROM_CHECKPOINT));
      }
    } else if (checkpoints.isEmpty() && !MetricsLog.read(metrics).isEmpty()) {
      findings.add(Finding.mended(folder.resolve("checkpoints"), 0, "no checkpoint is there", "training begins anew"));
    }
    for (Path reference : references(folder)) {
      try {
        TensorFile.open(reference);
      } catch (IOException e) {
        findings.add(Finding.mended(reference, 0, "damaged (" + e.getMessage() + ")", "computed again"));
      }
    }
    findings.addAll(new FileSums(folder).check("written again from the last checkpoint"));
    return findings;
  }

  private static List<Path> references(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(f -> f.getFileName().toString().matches("reference-[0-9a-f]+\\.bin")).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + folder + ": " + e.getMessage(), e);
    }
  }
}
