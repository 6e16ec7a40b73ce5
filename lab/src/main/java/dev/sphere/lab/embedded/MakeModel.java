package dev.sphere.lab.embedded;

import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.loop.TrainingListener;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lab/run embedded-model}. */
@Command(
    name = "embedded-model",
    description = "Makes an embedded model anew, from random weights. A run that was stopped goes on where it was.",
    mixinStandardHelpOptions = true)
final class MakeModel implements Callable<Integer> {
  @Option(names = "--model", required = true, paramLabel = "NAME",
      description = "embedded, embedded-small, or a base of the study: chain, bind, countdown, also with -small.")
  private String model;

  @Option(names = "--recipe", required = true, paramLabel = "FILE", description = "lab/recipes/embedded-model.yaml or another.")
  private Path recipe;

  @Option(names = "--out", required = true, paramLabel = "DIR",
      description = "Gets NAME.gguf, metrics.jsonl and the checkpoints.")
  private Path out;

  @Option(names = "--threads", description = "Threads that compute (default: all cores).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Spec private CommandSpec spec;

  public static void main(String[] args) {
    System.exit(new CommandLine(new MakeModel()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    PrintWriter err = spec.commandLine().getErr();
    Path file = EmbeddedTraining.run(model, EmbeddedRecipe.read(recipe), out, threads, new TrainingListener() {
      @Override
      public void step(StepMetrics metrics, int totalSteps) {
        if (metrics.values().containsKey("loss")) {
          err.printf(Locale.ROOT, "step %d of %d, loss %.4f%n", metrics.step(), totalSteps, metrics.get("loss"));
        }
      }

      @Override
      public void note(String line) {
        err.println(line);
      }
    });
    spec.commandLine().getOut().println("Wrote " + file + ".");
    return 0;
  }
}
