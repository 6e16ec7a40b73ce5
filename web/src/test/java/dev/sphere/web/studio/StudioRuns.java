package dev.sphere.web.studio;

import dev.sphere.engine.Generation;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.Attempt;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.RunFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Search runs as the store writes them, of records that are made up: long ones, and ones that grow while they are looked at. */
public final class StudioRuns {
  private StudioRuns() {}

  /** Every third problem ends without a pair; each has a root with three candidates and its two ends. */
  public static Path search(Path folder, int n) {
    return search(folder, n, n);
  }

  /** The same, of which only the first {@code done} problems are searched. */
  static Path search(Path folder, int n, int done) {
    try (RunFolder store = open(folder, problems(n), false)) {
      for (int i = 0; i < done; i++) {
        solve(store, i);
      }
      if (done == n) {
        store.finish();
      }
    }
    return folder;
  }

  /** Their questions hold markup, and they are of two kinds. */
  public static List<Problem> problems(int n) {
    List<Problem> problems = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      problems.add(new Problem("p" + i, "How much is " + i + " and 1? <script>alert(" + i + ")</script>", String.valueOf(i + 1),
          Map.of("kind", i % 2 == 0 ? "even" : "odd")));
    }
    return problems;
  }

  public static RunFolder open(Path folder, List<Problem> problems, boolean resume) {
    Provenance from = Provenance.builder().identity("search.uct", "1.5").identity("search.separator", "\n")
        .information("model.path", "/nowhere/model.gguf").build();
    return RunFolder.open(folder, from, problems, resume);
  }

  /** Searches one problem, to its end. */
  public static void solve(RunFolder store, int i) {
    String id = "p" + i;
    boolean pair = i % 3 != 0;
    double prm = (i % 10) / 10.0;
    store.append(new Expansion(id, "generation", "", List.of(
        candidate("Add " + i + ".\n", 0, 3, false, false, prm + 0.1), candidate("Hm.\n", 1, 1, false, false, prm / 2),
        candidate("Guess.\n", 2, 1, false, false, prm)), 0, 1, 5, 90));
    store.append(new Expansion(id, "generation", "+",
        List.of(candidate("The answer is \\boxed{" + (i + 1) + "}.", 0, 5, true, true, 1)), 0, 0, 5));
    store.append(new Expansion(id, "generation", "-",
        List.of(candidate("The answer is \\boxed{" + (pair ? 0 : i + 1) + "}.", 0, 5, true, !pair, pair ? 0 : 1)), 0, 0, 5));
    String chosen = "Add " + i + ".\nThe answer is \\boxed{" + (i + 1) + "}.";
    String rejected = "Hm.\nThe answer is \\boxed{" + (pair ? 0 : i + 1) + "}.";
    List<Attempt> attempts = List.of(new Attempt("generation", 0, true, "++", true, false, chosen, new int[0]),
        new Attempt("generation", 0, false, "-+", !pair, false, rejected, new int[0]));
    List<PreferencePair> pairs = pair
        ? List.of(new PreferencePair(id, "generation", "Q" + i, chosen, rejected, new int[0], new int[0], new int[0])) : List.of();
    List<StageResult> stages = List.of(
        new StageResult(id, Stage.GENERATION, pairs, pair ? null : Reason.BOTH_RIGHT, attempts),
        new StageResult(id, Stage.CORRECTION, List.of(), Reason.NOT_APPLICABLE, List.of()),
        new StageResult(id, Stage.DIVERSITY, List.of(), Reason.NO_SMALL_MODEL, List.of()));
    stages.forEach(store::append);
    store.append(new ProblemResult(id, stages));
  }

  private static Candidate candidate(String text, int draw, int count, boolean terminal, boolean correct, double prm) {
    Generation g = new Generation(new int[] {1, 2}, new float[] {-0.5f, -1.5f}, text,
        terminal ? Generation.Finish.END : Generation.Finish.STOP);
    return new Candidate(g, draw, count, terminal, false, correct, prm, prm);
  }
}
