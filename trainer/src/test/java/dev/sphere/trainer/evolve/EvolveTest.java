package dev.sphere.trainer.evolve;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.run.PairSearch;
import dev.sphere.engine.store.Finding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The main job on the embedded models, with few problems: does all of it hang together, and does it go on? */
class EvolveTest {
  @TempDir private Path temporary;

  private static Recipe recipe(String method, String more) {
    return Recipe.parse(
        """
        name: test
        model: embedded
        small_model: embedded-small
        problems: embedded:train
        limit: 6
        seed: 3
        search: {rollouts: 2, candidates: 3, depth: 8, pairing: any}
        train: {method: %s, learning_rate: 1e-4, batch_pairs: 4, lora_rank: 4%s}
        evaluate: {problems: "embedded:validation", limit: 10}
        """
            .formatted(method, more));
  }

  /** Remembers what it hears. */
  private static final class Heard implements EvolveListener {
    final List<String> words = new ArrayList<>();

    @Override
    public void evaluating(String whom, int problems) {
      words.add("evaluating " + whom + " " + problems);
    }

    @Override
    public void evaluated(String whom, EvalResult result) {
      words.add("evaluated " + whom);
    }

    @Override
    public void note(String line) {
      words.add(line);
    }

    @Override
    public void found(int round, PairSearch.Outcome outcome, List<PreferencePair> pairs) {
      words.add("found " + round + (outcome.tokens() == 0 ? " without generating" : ""));
    }
  }

  @Test
  void aRoundSearchesTrainsAndCompares() throws Exception {
    Path run = temporary.resolve("run");
    Heard heard = new Heard();
    EvolveReport report = new Evolve(recipe("lora", ""), run, false, heard).run();
    assertEquals(
        List.of("evaluating base 10", "evaluated base", "found 1", "evaluating round 1 10", "evaluated round 1"),
        heard.words);
    assertEquals(1, report.rounds().size());
    assertEquals(10, report.base().n());
    assertEquals(6, report.last().search().problems());
    assertTrue(report.last().search().allPairs() > 0, "no pairs");
    assertTrue(report.last().steps() > 0, "no steps");
    assertTrue(Files.isRegularFile(report.last().artefact()), "no adapter");
    assertTrue(Files.readString(run.resolve("report.json")).contains("\"p_value\""), "no report");
  }

  @Test
  void aRunThatEndedIsNotDoneAgain() throws Exception {
    Path run = temporary.resolve("run");
    EvolveReport first = new Evolve(recipe("full", ""), run, false, new Heard()).run();
    byte[] model = Files.readAllBytes(first.last().artefact());
    Heard heard = new Heard();
    EvolveReport again = new Evolve(recipe("full", ""), run, true, heard).run();
    assertEquals(List.of("evaluated base", "found 1 without generating", "evaluated round 1"), heard.words);
    assertArrayEquals(model, Files.readAllBytes(again.last().artefact()));
    assertEquals(first.last().comparison(), again.last().comparison());
  }

  private static void flip(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 1;
    Files.write(file, bytes);
  }

  /** One file of each kind is harmed; what comes out is the undamaged run's, byte for byte. */
  @Test
  void whateverIsDamagedIsMadeWhole() throws Exception {
    Path run = temporary.resolve("run");
    new Evolve(recipe("lora", ""), run, false, new Heard()).run();
    assertEquals(List.of(), Evolve.check(run));
    List<String> results = List.of("base-answers.jsonl", "round-1/answers.jsonl", "round-1/search/pairs.jsonl",
        "round-1/train/adapter.gguf");
    Map<String, byte[]> before = new HashMap<>();
    for (String file : results) {
      before.put(file, Files.readAllBytes(run.resolve(file)));
      flip(run.resolve(file));
    }
    flip(run.resolve("round-1/search/stages.jsonl"));
    flip(run.resolve("round-1/train/metrics.jsonl"));
    List<Finding> found = Evolve.check(run);
    for (String file :
        List.of("base-answers.jsonl", "answers.jsonl", "adapter.gguf", "stages.jsonl", "metrics.jsonl")) {
      assertTrue(found.stream().anyMatch(f -> f.mendable() && f.file().endsWith(file)), file + " in " + found);
    }
    byte[] recipe = Files.readAllBytes(run.resolve("recipe.json"));
    flip(run.resolve("recipe.json"));
    assertTrue(Evolve.check(run).stream().anyMatch(f -> !f.mendable()), "the recipe is not computed again");
    String lost = assertThrows(IllegalArgumentException.class,
        () -> new Evolve(recipe("lora", ""), run, true, new Heard()).run()).getMessage();
    assertTrue(lost.contains("recipe.json: damaged") && lost.contains("bring it back from a copy"), lost);
    Files.write(run.resolve("recipe.json"), recipe);
    Heard heard = new Heard();
    new Evolve(recipe("lora", ""), run, true, heard).run();
    assertTrue(heard.words.stream().anyMatch(w -> w.contains("base-answers.jsonl: damaged")), heard.words.toString());
    assertTrue(heard.words.stream().anyMatch(w -> w.contains("stages.jsonl, line")), heard.words.toString());
    for (String file : results) {
      assertArrayEquals(before.get(file), Files.readAllBytes(run.resolve(file)), file);
    }
    assertEquals(List.of(), Evolve.check(run));
    Files.delete(run.resolve("recipe.json"));
    String gone = assertThrows(IllegalArgumentException.class,
        () -> new Evolve(recipe("lora", ""), run, true, new Heard()).run()).getMessage();
    assertTrue(gone.contains("recipe.json: missing"), gone);
    assertThrows(IllegalArgumentException.class, () -> Evolve.check(temporary));
  }

  @Test
  void aRunIsBoundToItsRecipe() throws Exception {
    Path run = temporary.resolve("run");
    Files.createDirectories(run);
    Files.writeString(run.resolve("recipe.json"), "{}\n");
    assertThrows(IllegalArgumentException.class, () -> new Evolve(recipe("lora", ""), run, false, new Heard()).run());
    Throwable other =
        assertThrows(IllegalArgumentException.class, () -> new Evolve(recipe("lora", ""), run, true,
            new Heard()).run());
    assertTrue(other.getMessage().contains("another recipe"), other.getMessage());
    Path foreign = temporary.resolve("foreign");
    Files.createDirectories(foreign);
    Files.writeString(foreign.resolve("thesis.txt"), "not ours");
    assertThrows(IllegalArgumentException.class, () -> new Evolve(recipe("lora", ""), foreign, true,
        new Heard()).run());
  }

  @Test
  void searchedProblemsMustNotBeEvaluated() {
    Recipe cheating = Recipe.parse(
        "model: embedded\nproblems: embedded:train\nlimit: 5\nevaluate: {problems: 'embedded:train', limit: 3}\n");
    Throwable e = assertThrows(
        IllegalArgumentException.class,
        () -> new Evolve(cheating, temporary.resolve("run"), false, new Heard()).run());
    assertTrue(e.getMessage().startsWith("3 of the 3 evaluation problems are also searched"), e.getMessage());
  }

  /** Each round begins with the newest policy; the first that does not rise is the last; a table has them all. */
  @Test
  void roundsGoOnWhileAccuracyRises() throws Exception {
    Path run = temporary.resolve("run");
    Recipe recipe = Recipe.parse(
        """
        model: embedded
        problems: embedded:train
        limit: 12
        seed: 5
        rounds: 3
        search: {rollouts: 2, candidates: 3, depth: 8, pairing: any, stages: [generation], pairs_per_problem: 2}
        train: {method: full, loss: sft, learning_rate: 3e-4, batch_pairs: 4}
        evaluate: {problems: "embedded:validation", limit: 40, ngram: 30}
        """);
    EvolveReport report = new Evolve(recipe, run, false, new Heard()).run();
    double before = report.base().accuracy();
    for (int i = 0; i < report.rounds().size(); i++) {
      EvolveReport.Round round = report.rounds().get(i);
      boolean rose = round.evaluation().accuracy() > before;
      boolean last = i + 1 == report.rounds().size();
      assertEquals(last, !rose || round.round() == 3, "round " + round.round() + " rose: " + rose);
      assertTrue(round.search().allPairs() <= 24, "two pairs a problem");
      if (i > 0) {
        String made = Files.readString(run.resolve("round-" + round.round()).resolve("search").resolve("run.json"));
        assertTrue(made.contains(report.rounds().get(i - 1).artefact().toString()), "round " + round.round()
            + " did not begin with the policy of the round before");
      }
      before = round.evaluation().accuracy();
    }
    List<String> table = Files.readAllLines(run.resolve("rounds.md"));
    assertEquals(3 + report.rounds().size(), table.size(), "head, rule, base and a line for each round");
    assertTrue(report.best().evaluation().accuracy() >= report.last().evaluation().accuracy());
    assertEquals("", Files.readString(run.resolve("decontamination.jsonl")), "no 30 words in common");
  }

  @Test
  void contaminatedProblemsAreListedAndNotSearched() throws Exception {
    Path run = temporary.resolve("run");
    Recipe recipe = Recipe.parse(
        """
        model: embedded
        problems: embedded:train
        limit: 3
        search: {rollouts: 1, candidates: 2}
        evaluate: {problems: "embedded:train", limit: 3, ngram: 500}
        """);
    Throwable e = assertThrows(IllegalArgumentException.class, () -> new Evolve(recipe, run, false, new Heard()).run());
    assertTrue(e.getMessage().contains("left"), e.getMessage());
  }
}
