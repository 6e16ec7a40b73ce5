package dev.sphere.cli;

import dev.sphere.trainer.embedded.EmbeddedRecipe;
import dev.sphere.trainer.embedded.EmbeddedTraining;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sphere train sft}. */
@Command(
    name = "sft",
    description = {
      "Trains on completions to imitate (supervised fine-tuning).",
      "  sphere train sft --model model.gguf --data rows.jsonl --adapter-out adapter.gguf",
      "Rows are JSON Lines with prompt and completion, or messages, or text.",
      "The embedded models were made from random weights with:",
      "  sphere train sft --model embedded --recipe recipes/embedded-model.yaml --out runs/embedded"
    },
    mixinStandardHelpOptions = true)
final class TrainSftCommand implements Callable<Integer> {
  @Mixin private TrainOptions train;

  @Option(names = "--data", paramLabel = "FILE", description = "The rows (JSON Lines).")
  private Path data;

  @Option(
      names = "--recipe",
      paramLabel = "FILE",
      description = {
        "Instead of --data: makes the embedded model that --model names anew, from random weights. The recipe sets",
        "everything but --out and --threads."
      })
  private Path recipe;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    if ((data == null) == (recipe == null)) {
      throw new ParameterException(spec.commandLine(), "give either --data or --recipe");
    }
    if (recipe != null) {
      return embedded();
    }
    Inputs.require(data);
    if (train.dryRun) {
      return TrainRun.forecast(spec, train, job -> job.forecastSft(data));
    }
    return TrainRun.run(spec, train, (job, listener, stop) -> job.sft(data, listener, stop));
  }

  private int embedded() throws IOException {
    Path file;
    try (TrainProgress progress = new TrainProgress(spec.commandLine().getErr())) {
      file = EmbeddedTraining.run(train.model, EmbeddedRecipe.read(recipe), train.out, train.threads, progress);
    }
    spec.commandLine().getOut().println("Wrote " + file + ".");
    return 0;
  }
}
