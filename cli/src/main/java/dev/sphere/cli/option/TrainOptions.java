package dev.sphere.cli.option;

import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.trainer.job.JobSettings;
import dev.sphere.trainer.job.TrainJob;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The flags that all {@code train} commands share and that are no settings: files, and what is done with them. */
public final class TrainOptions {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "MODEL",
      description = "The model to start from: a GGUF file, 'embedded', 'embedded-small' or 'embedded-chain'.")
  public String model;

  @Option(
      names = {"--adapter-out", "--model-out"},
      paramLabel = "FILE",
      description = "The adapter (or, with --method full, the model) to write (default: in the folder of --out).")
  private Path artefact;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Folder for metrics.jsonl and checkpoints/ (default: FILE.run beside --adapter-out).")
  public Path out;

  @Option(names = "--resume", description = "Goes on from the newest checkpoint in the output folder, if there is one.")
  private boolean resume;

  @Option(
      names = "--dry-run",
      description = "Prints parameters, rows, steps, the peak of memory and the time that are to be expected, after a few steps on trial; "
          + "nothing is kept.")
  public boolean dryRun;

  @Option(names = "--json", description = "One JSON object about the run as the last line.")
  public boolean json;

  /** The job that the flags describe. */
  public TrainJob job(GivenSettings told) {
    JobSettings settings = JobSettings.of(told, null);
    if (artefact == null && out == null && !dryRun) {
      throw new IllegalArgumentException("give --adapter-out FILE (the GGUF to write), --out DIR (its folder), or both");
    }
    if (artefact != null && dryRun) {
      Inputs.checkWritable(artefact);
    } else if (artefact != null) {
      Inputs.requireWritable(artefact);
    }
    Path held = settings.heldOut().file();
    if (held != null && !Files.isDirectory(held)) {
      Inputs.require(held);
    }
    Path folder = out != null ? out : Path.of(artefact + ".run");
    return settings.job(ModelSource.resolve(model), folder, artefact, resume);
  }

  /** A file of rows, or the {@code pairs.jsonl} of a run's folder. */
  public static Path data(Path given) {
    Path file = Files.isDirectory(given) ? given.resolve("pairs.jsonl") : given;
    Inputs.require(file);
    return file;
  }
}
