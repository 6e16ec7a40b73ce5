package dev.sphere.cli.command;

import dev.sphere.base.FreeMemory;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.ProblemOptions;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.cli.progress.TrainProgress;
import dev.sphere.engine.Problem;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.rl.RlJob;
import dev.sphere.trainer.rl.RlSettings;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere train rl}. */
@Command(
    name = "rl",
    description = {
      "Learns from its own draws by policy gradients, in one process: draw, weigh, one update, and again.",
      "  ./sphere train rl --model embedded-chain --problems embedded:chain-train \\",
      "      --adapter-out adapter.gguf --time 5m",
      "Draws are independent (--draws 8) or a tree that shares beginnings (--tree 4,4,4); a draw counts by how much better",
      "it did than the others of its expansion. Where a choice says that it is biased, the figure is how far the expected",
      "gradient's direction is off on a policy whose draws can all be listed."
    },
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class TrainRlCommand implements Callable<Integer>, SettingFlags.Command {
  private static final SettingsTree SETTINGS = RlSettings.SETTINGS.and(ProblemOptions.SETTINGS);

  private final SettingFlags flags =
      new SettingFlags(SETTINGS, "--model", "--problems", "--adapter-out", "--resume", "--help");

  @Option(names = "--model", required = true, paramLabel = "MODEL",
      description = "The model to start from: a GGUF file, 'embedded', 'embedded-small' or 'embedded-chain'.")
  private String model;

  @Mixin private ProblemOptions problems;

  @Option(names = "--adapter-out", paramLabel = "FILE",
      description = "The adapter to write (default: in the folder of --out).")
  private Path artefact;

  @Option(names = "--out", paramLabel = "DIR",
      description = "Folder for metrics.jsonl and checkpoints/ (default: FILE.run beside --adapter-out).")
  private Path out;

  @Option(names = "--resume", description = "Goes on from the newest checkpoint in the output folder, if there is one.")
  private boolean resume;

  @Option(names = "--json", description = "One JSON object about the run, with figures of each update, as the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public SettingFlags flags() {
    return flags;
  }

  /** What the flags ask for. */
  RlJob job() {
    if (artefact == null && out == null) {
      throw new IllegalArgumentException("give --adapter-out FILE (the GGUF to write), --out DIR (its folder), or both");
    }
    if (artefact != null) {
      Inputs.requireWritable(artefact);
    }
    GivenSettings told = flags.told();
    Path file = ModelSource.resolve(model);
    RlSettings settings = RlSettings.of(told, file);
    ReadOptions reading = SETTINGS.make(ReadOptions.class, told);
    List<Problem> learned = problems.read(reading, spec.commandLine().getErr(), null).problems();
    List<Problem> measured =
        settings.evalProblems() == null ? List.of() : ProblemSource.read(settings.evalProblems(), reading.withLimit(0)).problems();
    return new RlJob(file, learned, measured, out != null ? out : Path.of(artefact + ".run"), Optional.ofNullable(artefact),
        resume, settings, Optional.empty());
  }

  @Override
  public Integer call() throws InterruptedException {
    RlJob job = job();
    long begin = System.nanoTime();
    List<Map<String, Object>> updates = new ArrayList<>();
    try (OrderlyStop stop = new OrderlyStop(() -> true)) { // what came of it is said before the process may end
      RlJob.Outcome outcome;
      try (TrainProgress progress = new TrainProgress(spec.commandLine().getErr()) {
        @Override
        public void step(StepMetrics m, int totalSteps) {
          if (m.values().containsKey("drawn_tokens")) {
            updates.add(figures(m));
          }
          super.step(m, totalSteps);
        }
      }) {
        outcome = job.run(progress, stop::asked);
      }
      tell(job, outcome, updates, (System.nanoTime() - begin) / 1e9);
    }
    return 0;
  }

  /** The figures of an update, by the names of {@code --json}. */
  private static Map<String, Object> figures(StepMetrics m) {
    Map<String, Object> one = new LinkedHashMap<>();
    one.put("update", m.step());
    one.put("drawn_tokens", (long) m.get("drawn_tokens"));
    for (String part : List.of("adapter", "draw", "weigh", "update")) {
      one.put(part + "_seconds", m.get("seconds/" + part));
    }
    return one;
  }

  private void tell(RlJob job, RlJob.Outcome outcome, List<Map<String, Object>> updates, double seconds) {
    PrintWriter writer = spec.commandLine().getOut();
    if (outcome.artefact().isEmpty()) {
      writer.println("Stopped after " + outcome.result().steps() + " updates; go on with --resume.");
    } else {
      writer.println(outcome.result().steps() + " updates.");
      writer.println("Wrote " + outcome.artefact().get() + "; curves and settings in " + job.output().resolve("report.html") + ".");
    }
    if (json) {
      Map<String, Object> all = new LinkedHashMap<>();
      all.put("artefact", outcome.artefact().map(Path::toString).orElse(null));
      all.put("complete", outcome.result().complete());
      all.put("updates", outcome.result().steps());
      all.put("problems", outcome.trained());
      all.put("held_out_problems", outcome.measured());
      all.put("peak_memory_bytes", FreeMemory.peak());
      all.put("seconds", seconds);
      all.put("each", updates);
      if (outcome.result().last() != null) {
        all.put("metrics", outcome.result().last().values());
      }
      writer.println(JsonMapper.shared().writeValueAsString(all));
    }
    writer.flush();
  }
}
