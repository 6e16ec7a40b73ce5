package dev.sphere.cli.command;

import dev.sphere.cli.option.Ending;
import dev.sphere.engine.Problem;
import dev.sphere.engine.page.RunPages;
import dev.sphere.engine.store.RunReader;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere pages}: a run to look at. */
@Command(
    name = "pages",
    description = {
      "Writes a run as HTML: its figures, and for each problem the trees with scores, what was pruned, and the pairs.",
      "  ./sphere pages --run runs/first --out pages",
      "  ./sphere pages --run runs/first --out pages --problem train-17"
    },
    mixinStandardHelpOptions = true)
public final class PagesCommand implements Callable<Integer> {
  @Option(names = "--run", required = true, paramLabel = "DIR", description = "The run's directory.")
  private Path run;

  @Option(names = "--out", required = true, paramLabel = "DIR", description = "Where the pages go; made if missing.")
  private Path out;

  @Option(names = "--problem", paramLabel = "ID", description = "Only this problem; may be given several times.")
  private List<String> problems = List.of();

  @Option(names = "--limit", paramLabel = "N", description = "Only the first N problems (default: 500; 0: all).")
  private int limit = 500;

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    RunReader data = RunReader.read(run);
    List<String> all = data.problems().stream().map(Problem::id).toList();
    for (String id : problems) {
      if (!all.contains(id)) {
        throw new IllegalArgumentException("the run " + run + " has no problem " + id);
      }
    }
    List<String> wanted = !problems.isEmpty() ? problems
        : limit == 0 ? all : all.subList(0, Math.min(limit, all.size()));
    RunPages.write(data, wanted, out);
    var writer = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("pages", wanted.size());
      result.put("out", out.toString());
      writer.println(JsonMapper.shared().writeValueAsString(result));
    } else {
      writer.println(wanted.size() + " pages and their index: " + out.resolve("index.html"));
    }
    Ending.print(spec, "studio " + Ending.word(run), out.resolve("index.html"));
    return 0;
  }
}
