package dev.sphere.cli.command.run;

import dev.sphere.cli.option.Ending;
import dev.sphere.engine.store.RunMerge;
import java.io.PrintWriter;
import java.nio.file.Path;
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

/** {@code sphere run merge}. */
@Command(
    name = "merge",
    description = {
      "Makes one run of runs over parts of a problem set: the one that a single process would have made.",
      "  SPHERE_DEVICE=cuda:0 sphere search ... --shard 1/2 --run part1 &",
      "  SPHERE_DEVICE=cuda:1 sphere search ... --shard 2/2 --run part2 & wait",
      "  ./sphere run merge --out whole part1 part2",
      "  ./sphere run merge RUN     # the shards of search --shard auto --run RUN",
      "Unfinished runs may be merged too; 'search --resume' on the whole problem set goes on with the result."
    },
    mixinStandardHelpOptions = true)
public final class RunMergeCommand implements Callable<Integer> {
  @Parameters(arity = "1..*", paramLabel = "RUN",
      description = "Run directories of the same search; or one that holds the shards of --shard auto.")
  private List<Path> runs;

  @Option(names = "--out", paramLabel = "DIR",
      description = "The merged run; must not be there. One RUN with shards becomes it itself, if this is not given.")
  private Path out;

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    boolean shards = runs.size() == 1;
    if (!shards && out == null) {
      throw new IllegalArgumentException("give the merged run's directory: --out DIR");
    }
    Path merged = out != null ? out : runs.getFirst();
    RunMerge.Report report = shards ? RunMerge.mergeShards(runs.getFirst(), merged) : RunMerge.merge(runs, merged);
    PrintWriter console = spec.commandLine().getOut();
    report.findings().forEach(f -> spec.commandLine().getErr().println("merge: " + f));
    if (json) {
      Map<String, Object> all = new LinkedHashMap<>();
      all.put("out", merged.toString());
      all.put("runs", runs.size());
      all.put("problems", report.problems());
      all.put("ended", report.ended());
      all.put("pairs", report.pairs());
      all.put("findings", report.findings().size());
      console.println(JsonMapper.shared().writeValueAsString(all));
    } else {
      String what = shards ? "the shards of " + runs.getFirst() : runs.size() + " runs";
      console.printf("Merged %s into %s: %d problems, %d pairs.%n", what, merged, report.problems(), report.pairs());
      if (report.ended() < report.problems()) {
        console.printf("%d problems have not ended: go on with 'search --resume --run %s' on the whole set.%n",
            report.problems() - report.ended(), merged);
      }
    }
    Ending.print(spec, report.ended() < report.problems() ? "search --resume --run " + Ending.word(merged)
        : "train dpo --model MODEL --run " + Ending.word(merged) + " --adapter-out adapter.gguf", merged);
    return 0;
  }
}
