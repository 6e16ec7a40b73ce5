package dev.sphere.trainer.evolve;

import dev.sphere.base.FreeMemory;
import dev.sphere.base.HeldFiles;
import dev.sphere.base.Scratch;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.run.Evaluation;
import dev.sphere.engine.run.Search;
import dev.sphere.trainer.job.TrainPlan;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Time and memory of an evolution run, for {@code --dry-run}: some problems are evaluated and searched, a training on their pairs
 * is tried, and each is multiplied. Merging adapters is not counted.
 *
 * @param rounds at most; the run ends earlier where a round brings nothing
 * @param problems of the first round
 * @param tried problems that were searched
 * @param evaluation seconds of the evaluations of one policy
 * @param search seconds of a round's search
 * @param tokens of a round's search
 * @param pairs of a round's search
 * @param training seconds of a round's training; 0 where the tried problems gave no pair
 * @param memory bytes of the largest part, about
 */
public record EvolveDryRun(int rounds, int problems, int tried, double evaluation, double search, double tokens, double pairs,
    double training, long memory) {
  private static final int EVALUATED = 48; // problems that are tried
  private static final int SEARCHED = 4; // problems that are tried first; then four times as many until a try takes long enough
  private static final double ENOUGH = 10; // seconds

  /**
   * Tries an evaluation, a search and a training in a temporary folder.
   *
   * @throws IllegalArgumentException when the recipe cannot be used
   */
  public static EvolveDryRun of(Recipe recipe, Progress progress) throws InterruptedException {
    RecipeProblems problems = RecipeProblems.read(recipe);
    Path policy = ModelSource.resolve(recipe.model());
    Path small = recipe.smallModel() == null ? null : ModelSource.resolve(recipe.smallModel());
    try (HeldFiles _ = new HeldFiles(List.of(policy)); Scratch scratch = new Scratch()) {
      double evaluation = evaluation(recipe, policy, problems.heldOut(), recipe.evaluate().samples(), progress);
      if (problems.validation() != null) {
        evaluation += evaluation(recipe, policy, problems.validation(), 0, progress);
      }
      List<Problem> all = problems.ofRound(1, recipe);
      Search.Outcome found;
      Path run;
      int tried = SEARCHED;
      while (true) {
        tried = Math.min(tried, all.size());
        run = scratch.folder().resolve("search-" + tried);
        found = Search.run(Plans.search(recipe, policy, null, small, recipe.seed()), all.subList(0, tried),
            Search.Place.of(run, false), progress);
        if (tried == all.size() || found.seconds() > ENOUGH) {
          break;
        }
        tried *= 4;
      }
      double times = (double) all.size() / tried;
      TrainPlan plan = found.pairs().isEmpty() ? null
          : Plans.train(recipe, policy, scratch.folder().resolve("train"), recipe.seed()).plan(Plans.task(recipe, found.pairs(), run));
      return new EvolveDryRun(recipe.rounds(), all.size(), tried, evaluation, times * found.seconds(), times * found.tokens(),
          times * found.pairs().size(), plan == null ? 0 : plan.seconds() * (recipe.trainsSteps() ? 1 : times),
          Math.max(FreeMemory.peak(), plan == null ? 0 : plan.peak()));
    }
  }

  /** Seconds in which a policy answers all of the problems, by those of the first of them. */
  private static double evaluation(Recipe recipe, Path model, List<Problem> problems, int samples, Progress progress)
      throws InterruptedException {
    List<Problem> some = problems.subList(0, Math.min(problems.size(), EVALUATED));
    long start = System.nanoTime();
    Evaluation.Plan plan = Plans.evaluation(recipe, model, null, samples);
    try (HeldFiles files = plan.hold()) {
      Evaluation.run(plan, files, 0, Optional.empty(), some, Map.of(), answers -> { }, progress);
    }
    return (System.nanoTime() - start) / 1e9 * problems.size() / some.size();
  }

  /** Seconds of all rounds, the first policy's evaluation included, if none is the last before its time. */
  public double seconds() {
    return evaluation + rounds * (search + training + evaluation);
  }

  /** Some lines for people. */
  public List<String> lines() {
    return List.of(
        text("a round's search: %,d problems, judged by %,d of them", problems, tried),
        "  time       about " + time(search),
        text("  tokens     about %,.0f", tokens),
        text("  pairs      about %,.0f", pairs),
        "training     " + (training == 0 ? "unknown: the tried problems gave no pair" : "about " + time(training) + " a round"),
        "evaluation   about " + time(evaluation) + " a policy",
        text("the whole    about %s, if all of %d round%s are made", time(seconds()), rounds, rounds == 1 ? "" : "s"),
        "memory       about " + FreeMemory.text(memory));
  }

  private static String time(double seconds) {
    return seconds < 120 ? text("%.0f s", seconds) : seconds < 7200 ? text("%.0f min", seconds / 60) : text("%.1f h", seconds / 3600);
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /** The figures by name, for {@code --json}. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("rounds", rounds);
    m.put("problems", problems);
    m.put("tried", tried);
    m.put("seconds", seconds());
    m.put("evaluation_seconds", evaluation);
    m.put("search_seconds", search);
    m.put("tokens", tokens);
    m.put("pairs", pairs);
    m.put("training_seconds", training);
    m.put("memory_bytes", memory);
    return m;
  }
}
