package dev.sphere.cli.command.run;

import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.engine.store.Finding;
import dev.sphere.engine.store.Journal;
import dev.sphere.engine.store.RunReader;
import dev.sphere.trainer.checkpoint.TrainingCheck;
import dev.sphere.trainer.evolve.Evolve;
import dev.sphere.trainer.loop.TrainedRows;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere run check}. */
@Command(
    name = "check",
    description = {
      "Tells what of a run is missing or damaged, and what --resume would do about it. Changes nothing.",
      "  ./sphere run check runs/first      # a search, training or evolution run",
      "  ./sphere run check answers.jsonl   # an evaluation that was broken off",
      "Exit status: 0 nothing is damaged, finished or not; 1 something is missing or damaged; 2 there is no run.",
      "While a process writes the run, its last line may look cut off."
    },
    mixinStandardHelpOptions = true)
public final class RunCheckCommand implements Callable<Integer> {
  @Parameters(paramLabel = "RUN", description = "The run's directory; for an evaluation its --out file.")
  private Path run;

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  /** @param left what of the work is still to be done, where nothing is damaged; empty for nothing */
  private record Checked(String kind, List<Finding> findings, String left) {}

  @Override
  public Integer call() {
    Checked checked = check();
    List<Finding> findings = checked.findings();
    boolean mendable = findings.stream().allMatch(Finding::mendable);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> all = new LinkedHashMap<>();
      all.put("run", run.toString());
      all.put("kind", checked.kind());
      all.put("whole", findings.isEmpty());
      all.put("finished", findings.isEmpty() && checked.left().isEmpty());
      all.put("mendable", mendable);
      List<Map<String, Object>> list = new ArrayList<>();
      for (Finding f : findings) {
        Map<String, Object> one = new LinkedHashMap<>();
        one.put("file", f.file().toString());
        one.put("line", f.line() == 0 ? null : f.line());
        one.put("lost", f.lost());
        one.put("then", f.then());
        one.put("mendable", f.mendable());
        list.add(one);
      }
      all.put("findings", list);
      out.println(JsonMapper.shared().writeValueAsString(all));
    } else {
      findings.forEach(out::println);
      String name = "The " + checked.kind() + " run " + run;
      out.println(findings.isEmpty() && checked.left().isEmpty() ? name + " is whole."
          : findings.isEmpty() ? name + " is undamaged and not finished: " + checked.left() + ". Go on with --resume."
          : mendable ? "The command that made the run does that, with --resume."
          : "The run is refused until that is put right.");
    }
    out.flush();
    return findings.isEmpty() ? 0 : 1;
  }

  private Checked check() {
    if (!Files.isDirectory(run)) {
      String name = run.getFileName().toString();
      boolean journal = name.endsWith(".part");
      Path file = journal ? run.resolveSibling(name.substring(0, name.length() - ".part".length())) : run;
      List<Finding> findings = Journal.check(AnswerFile.JOURNAL, file);
      return new Checked("evaluation", findings,
          Journal.read(AnswerFile.JOURNAL, Journal.part(file)).rows().size() + " problems are answered");
    }
    if (Evolve.isEvolution(run)) {
      return new Checked("evolution", Evolve.check(run), Files.exists(run.resolve("report.json")) ? "" : "it has no report yet");
    }
    if (TrainingCheck.isTraining(run)) {
      boolean made = TrainedRows.artefact(run).filter(Files::exists).isPresent();
      return new Checked("training", TrainingCheck.of(run), made ? "" : "it has written no adapter or model");
    }
    List<Finding> findings = RunReader.check(run);
    return new Checked("search", findings, findings.isEmpty() ? left(RunReader.read(run)) : "");
  }

  private static String left(RunReader search) {
    return search.complete() ? "" : search.results().size() + " of " + search.problems().size() + " problems";
  }
}
