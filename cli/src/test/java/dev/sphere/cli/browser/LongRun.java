package dev.sphere.cli.browser;

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
import dev.sphere.engine.store.RunStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs as the store writes them, of records that are made up: long ones, and ones that grow while they are looked at. */
final class LongRun {
  private LongRun() {}

  static List<Problem> problems(int n) {
    List<Problem> problems = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      problems.add(new Problem("p" + i, "How much is " + i + " and 1?", String.valueOf(i + 1)));
    }
    return problems;
  }

  static RunStore open(Path folder, List<Problem> problems) {
    Provenance from = Provenance.builder().identity("search.uct", "1.5").identity("search.separator", "\n")
        .information("model.path", "/nowhere/model.gguf").build();
    return RunStore.open(folder, from, problems, false);
  }

  /** A finished run of so many problems. */
  static void write(Path folder, int n) {
    try (RunStore store = open(folder, problems(n))) {
      for (int i = 0; i < n; i++) {
        solve(store, i);
      }
      store.finish();
    }
  }

  /** Every third problem ends without a pair; each has a root with three candidates and its two ends. */
  static void solve(RunStore store, int i) {
    String id = "p" + i;
    boolean pair = i % 3 != 0;
    double prm = i % 10 / 10.0;
    int wrong = pair ? 0 : i + 1;
    store.append(new Expansion(id, "generation", "", List.of(step("Add " + i + ".\n", 0, prm + 0.1),
        step("Hm.\n", 1, prm / 2), step("Guess.\n", 2, prm)), 0, 1, 5));
    store.append(new Expansion(id, "generation", "+", List.of(end(i + 1, true)), 0, 0, 5));
    store.append(new Expansion(id, "generation", "-", List.of(end(wrong, !pair)), 0, 0, 5));
    String chosen = "Add " + i + ".\nThe answer is \\boxed{" + (i + 1) + "}.";
    String rejected = "Hm.\nThe answer is \\boxed{" + wrong + "}.";
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

  private static Candidate step(String text, int draw, double prm) {
    return new Candidate(new Generation(new int[] {1, 2}, new float[] {-0.5f, -1.5f}, text, Generation.Finish.STOP), draw, 1,
        false, false, false, prm, prm);
  }

  private static Candidate end(int answer, boolean right) {
    return new Candidate(new Generation(new int[] {1, 2}, new float[] {-0.5f, -1.5f}, "The answer is \\boxed{" + answer + "}.",
        Generation.Finish.END), 0, 5, true, false, right, right ? 1 : 0, right ? 1 : 0);
  }
}
