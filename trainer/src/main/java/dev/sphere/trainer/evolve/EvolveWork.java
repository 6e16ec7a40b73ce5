package dev.sphere.trainer.evolve;

import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.run.Evaluation;
import dev.sphere.engine.run.Search;
import dev.sphere.engine.run.WorkerPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A round's search and evaluations on other machines: the words that say which they are, and what is made of them there. */
public final class EvolveWork {
  private static final String SEARCH = "search";
  private static final String EVALUATION = "evaluation";
  private static final String NONE = "none";

  private EvolveWork() {}

  /** @param began null in the first round */
  static List<String> search(Path recipe, String policy, String began, long seed) {
    return List.of("evolve", SEARCH, recipe.toString(), policy, began == null ? NONE : began, String.valueOf(seed));
  }

  /** @param adapter null for none */
  static List<String> evaluation(Path recipe, String model, Path adapter, int samples) {
    return List.of("evolve", EVALUATION, recipe.toString(), model,
        adapter == null ? NONE : adapter.toAbsolutePath().toString(), String.valueOf(samples));
  }

  /**
   * What a process opens to do the work that the words name.
   *
   * @param words without the first
   * @throws IllegalArgumentException when this process cannot read the files
   */
  public static WorkerPlan worker(List<String> words) throws IOException {
    Recipe recipe = Recipe.read(Path.of(words.get(1)));
    Path model = ModelSource.resolve(words.get(2));
    Path other = words.get(3).equals(NONE) ? null : ModelSource.resolve(words.get(3));
    if (words.getFirst().equals(EVALUATION)) {
      return Evaluation.worker(Plans.evaluation(recipe, model, other, Integer.parseInt(words.get(4))), 0);
    }
    Path small = recipe.smallModel() == null ? null : ModelSource.resolve(recipe.smallModel());
    return Search.worker(Plans.search(recipe, model, other, small, Long.parseLong(words.get(4))));
  }
}
