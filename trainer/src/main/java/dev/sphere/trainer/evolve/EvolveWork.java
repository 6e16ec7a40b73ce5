package dev.sphere.trainer.evolve;

import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.run.OpenEval;
import dev.sphere.engine.run.OpenSearch;
import dev.sphere.engine.run.SearchPlan;
import dev.sphere.engine.run.Worker;
import dev.sphere.engine.store.Provenance;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

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
   * Loads what the words name.
   *
   * @param words without the first
   * @param identity what the results are made from
   * @param fits given the models' files before they are loaded, null among them
   * @throws IllegalArgumentException when this process would make something else, or cannot read the files
   */
  public static Worker open(List<String> words, Map<String, String> identity, Consumer<List<Path>> fits) throws IOException {
    Recipe recipe = Recipe.read(Path.of(words.get(1)));
    Path model = ModelSource.resolve(words.get(2));
    Path other = words.get(3).equals(NONE) ? null : ModelSource.resolve(words.get(3));
    if (words.getFirst().equals(EVALUATION)) {
      OpenEval.Plan plan = Plans.evaluation(recipe, model, other, Integer.parseInt(words.get(4)));
      fits.accept(plan.files());
      return OpenEval.open(plan, identity, 0);
    }
    Path small = recipe.smallModel() == null ? null : ModelSource.resolve(recipe.smallModel());
    SearchPlan plan = Plans.search(recipe, model, other, small, Long.parseLong(words.get(4)));
    fits.accept(plan.files());
    return OpenSearch.open(plan, new Provenance(identity, Map.of()));
  }
}
