package dev.sphere.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sphere train sft}. */
@Command(
    name = "sft",
    description = {
      "Trains on completions to imitate (supervised fine-tuning).",
      "  sphere train sft --model model.gguf --data rows.jsonl --out runs/sft",
      "Rows are JSON Lines with prompt and completion, or messages, or text."
    },
    mixinStandardHelpOptions = true)
final class TrainSftCommand implements Callable<Integer> {
  @Mixin private TrainOptions train;

  @Option(names = "--data", required = true, paramLabel = "FILE", description = "The rows (JSON Lines).")
  private Path data;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    Inputs.require(data);
    return TrainRun.run(spec, train, (job, listener, stop) -> job.sft(data, listener, stop));
  }
}
