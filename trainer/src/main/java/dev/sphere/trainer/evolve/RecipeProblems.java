package dev.sphere.trainer.evolve;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.Problem;
import dev.sphere.engine.data.Decontamination;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.embedded.ProblemSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import tools.jackson.databind.json.JsonMapper;

/**
 * The problem sets of a recipe.
 *
 * @param searched the problems to search; none of them is in the other sets
 * @param heldOut the problems on which policies are compared
 * @param validation the problems that stop the rounds and choose the best one; null: those of {@code heldOut} do
 * @param leftOut problems that are not searched because an evaluation set has them
 */
record RecipeProblems(
    List<Problem> searched, List<Problem> heldOut, List<Problem> validation, List<Decontamination.Hit> leftOut) {
  /**
   * Reads the sets; nothing is computed and nothing written.
   *
   * @throws IllegalArgumentException when a set cannot be read, or shares problems with another
   */
  static RecipeProblems read(Recipe recipe) {
    List<Problem> problems = read(recipe.problems(), recipe.reading());
    if (recipe.evaluate() == null) {
      throw new IllegalArgumentException("the recipe has no evaluate.problems: say on which problems to compare");
    }
    List<Problem> heldOut = read(recipe.evaluate().problems(), recipe.reading().withLimit(recipe.evaluate().limit()));
    List<Problem> validation = recipe.validate() == null ? null
        : read(recipe.validate().problems(), recipe.reading().withLimit(recipe.validate().limit()));
    List<Decontamination.Hit> hits = new ArrayList<>();
    problems = clean(problems, Map.of(recipe.evaluate().problems(), heldOut), recipe.evaluate().ngram(), hits);
    problems = Recipe.SEARCH.make(WorkedExamples.Settings.class, recipe.search()).others(problems);
    Map<String, List<Problem>> sets = new LinkedHashMap<>();
    recipe.decontamination().sets().forEach(set -> sets.put(set, ProblemSource.read(set)));
    problems = clean(problems, sets, sets.isEmpty() ? 0 : recipe.decontamination().ngram(), hits);
    refuseOverlap(problems, heldOut, "evaluation", "searched");
    if (validation != null) {
      refuseOverlap(problems, validation, "validation", "searched");
      refuseOverlap(heldOut, validation, "validation", "evaluated");
    }
    if (recipe.freshProblems() && problems.size() < recipe.rounds()) {
      throw new IllegalArgumentException("fresh_problems: " + problems.size() + " problems are too few for "
          + recipe.rounds() + " rounds");
    }
    return new RecipeProblems(problems, heldOut, validation, hits);
  }

  private static List<Problem> read(String source, ReadOptions options) {
    return ProblemSource.read(source, options).problems();
  }

  private static List<Problem> clean(
      List<Problem> problems, Map<String, List<Problem>> sets, int ngram, List<Decontamination.Hit> hits) {
    if (ngram == 0) {
      return problems;
    }
    Decontamination.Result result = Decontamination.check(problems, sets, ngram);
    hits.addAll(result.hits());
    if (result.clean().isEmpty()) {
      throw new IllegalArgumentException("no problem is left to search: every one shares " + ngram
          + " words with an evaluation problem, such as \"" + hits.getLast().words() + "\"");
    }
    return result.clean();
  }

  /** An evaluation on problems that were searched proves nothing. */
  private static void refuseOverlap(List<Problem> problems, List<Problem> others, String kind, String also) {
    Set<String> questions = problems.stream().map(p -> words(p.question())).collect(Collectors.toSet());
    List<String> both = others.stream().filter(p -> questions.contains(words(p.question()))).map(Problem::id).toList();
    if (!both.isEmpty()) {
      throw new IllegalArgumentException(both.size() + " of the " + others.size()
          + " " + kind + " problems are also " + also + ", such as " + both.getFirst() + ": use another set");
    }
  }

  private static String words(String question) {
    return question.strip().replaceAll("\\s+", " ");
  }

  /** The problems that round {@code n} (from 1) searches: all, or a part of its own. */
  List<Problem> ofRound(int n, Recipe recipe) {
    long size = searched.size();
    return !recipe.freshProblems() ? searched
        : searched.subList((int) (size * (n - 1) / recipe.rounds()), (int) (size * n / recipe.rounds()));
  }

  /** Writes decontamination.jsonl: the problems that were left out, and the words that they share. */
  void listLeftOut(Recipe recipe, Path directory) throws IOException {
    if (recipe.evaluate().ngram() > 0 || !recipe.decontamination().sets().isEmpty()) {
      StringBuilder lines = new StringBuilder();
      leftOut.forEach(hit -> lines.append(JsonMapper.shared().writeValueAsString(hit.toMap())).append('\n'));
      AtomicFile.writeText(directory.resolve("decontamination.jsonl"), lines);
    }
  }
}
