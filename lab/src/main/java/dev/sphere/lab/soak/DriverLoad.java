package dev.sphere.lab.soak;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.ProblemRecords;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.engine.store.RecordLines;
import dev.sphere.engine.store.RunReader;
import dev.sphere.engine.store.RunFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * How many results a second the driver of a cluster takes, and in how much memory: the results of a finished run come again
 * and again, each for another problem, as bytes, and go into a run's store.
 */
public final class DriverLoad {
  private static final int TOLD = 10;

  private DriverLoad() {}

  /** {@code RUN OUT N TOGETHER}: a finished run, the new run's directory, how many results, and how many come at a time. */
  public static void main(String[] args) {
    RunReader like = RunReader.read(Path.of(args[0]));
    int n = Integer.parseInt(args[2]);
    int together = Integer.parseInt(args[3]);
    List<Problem> templates = like.problems();
    Map<String, List<Expansion>> trees = like.expansions(templates.stream().map(Problem::id).collect(Collectors.toSet()));
    List<Problem> problems = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      Problem p = templates.get(i % templates.size());
      problems.add(new Problem(p.id() + "#" + i, p.question(), p.answer(), p.metadata()));
    }
    try (RunFolder store = RunFolder.open(Path.of(args[1]), like.provenance(), problems, false)) {
      long taken = 0;
      long bytes = 0;
      long seconds = System.nanoTime();
      List<byte[]> queue = new ArrayList<>();
      for (int i = 0; i < n; i++) {
        queue.add(RecordLines.of(result(like, trees, templates.get(i % templates.size()).id(), problems.get(i).id())));
        bytes += queue.getLast().length;
        if (queue.size() == together || i == n - 1) {
          long before = System.nanoTime();
          store.append(queue.stream().map(RecordLines::records).toList());
          taken += System.nanoTime() - before;
          queue.clear();
        }
        if ((i + 1) % Math.max(1, n / TOLD) == 0) {
          System.gc();
          long heap = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
          System.out.printf(Locale.ROOT, "%d results of %d bytes: %.0f a second, %d MiB of heap (%d bytes a result)%n", i + 1,
              bytes / (i + 1), (i + 1) / (taken / 1e9), heap >> 20, heap / (i + 1));
        }
      }
      long end = System.nanoTime();
      store.finish();
      System.out.printf(Locale.ROOT, "pairs.jsonl: %.1f s; all: %.1f s%n", (System.nanoTime() - end) / 1e9,
          (System.nanoTime() - seconds) / 1e9);
    }
  }

  private static ProblemRecords result(RunReader like, Map<String, List<Expansion>> trees, String id, String as) {
    ProblemRecords records = new ProblemRecords(as);
    for (Expansion e : trees.getOrDefault(id, List.of())) {
      records.append(new Expansion(as, e.search(), e.path(), e.candidates(), e.max(), e.min(), e.draws(), e.rolled()));
    }
    List<StageResult> stages = new ArrayList<>();
    for (StageResult s : like.stagesOf(id)) {
      List<PreferencePair> pairs = s.pairs().stream().map(p -> new PreferencePair(as, p.stage(), p.prompt(), p.chosen(),
          p.rejected(), p.promptTokens(), p.chosenTokens(), p.rejectedTokens(), p.promptContent())).toList();
      stages.add(new StageResult(as, s.stage(), pairs, s.reason(), s.attempts()));
    }
    stages.forEach(records::append);
    records.append(new ProblemResult(as, stages));
    return records;
  }
}
