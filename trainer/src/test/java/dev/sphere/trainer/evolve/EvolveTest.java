package dev.sphere.trainer.evolve;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.kernel.GgmlQuantizer;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.LogProbShift;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.eval.Comparison;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.eval.EvalSettings;
import dev.sphere.engine.eval.Evaluator;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.run.Search;
import dev.sphere.engine.stage.RunReport;
import dev.sphere.engine.store.CheckedLines;
import dev.sphere.engine.store.FileSums;
import dev.sphere.engine.store.Finding;
import dev.sphere.engine.store.PairFlags;
import dev.sphere.engine.store.RunReader;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.MergeType;
import dev.sphere.gguf.make.ModelMerge;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.loop.TrainedRows;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The main job on the embedded models, with few problems: does all of it hang together, and does it go on? */
class EvolveTest {
  @TempDir private Path temporary;

  private static Recipe recipe(String method, String more) {
    return recipe(method, more, "");
  }

  private static Recipe recipe(String method, String more, String evaluate) {
    return Recipe.parse(
        """
        name: test
        model: embedded
        small_model: embedded-small
        problems: embedded:train
        limit: 6
        seed: 3
        search: {rollouts: 2, candidates: 3, depth: 8, pairing: any}
        train: {method: %s, learning_rate: 1e-4, batch_pairs: 4%s%s}
        evaluate: {problems: "embedded:validation", limit: 10%s}
        """
            .formatted(method, method.equals("lora") ? ", lora_rank: 4" : "", more, evaluate));
  }

  /** Remembers what it hears. */
  private static final class Heard implements EvolveListener {
    final List<String> words = new ArrayList<>();

    @Override
    public void begin(String task, String unit, int done, int total) {
      words.add(task + " " + (total - done) + " " + unit);
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
    public void found(int round, Search.Outcome outcome, List<PreferencePair> pairs) {
      words.add("found " + round + (outcome.tokens() == 0 ? " without generating" : ""));
    }
  }

  @Test
  void aRoundSearchesTrainsAndCompares() throws Exception {
    Path run = temporary.resolve("run");
    Heard heard = new Heard();
    Recipe recipe = recipe("lora", "", ", max_tokens: 9");
    EvolveReport report = new Evolve(recipe, run, false, heard).run();
    List<Answered> answers = AnswerFile.read(run.resolve("base-answers.jsonl"));
    assertTrue(answers.stream().allMatch(a -> a.tokens() <= 9 && a.truncated()), "9 tokens are no answer");
    assertEquals(
        List.of("evaluate 10 problems", "evaluated base", "search 6 problems", "found 1", "evaluate 10 problems",
            "evaluated round 1"),
        heard.words);
    assertEquals(1, report.rounds().size());
    assertEquals(10, report.base().n());
    assertEquals(6, report.last().search().problems());
    assertTrue(report.last().search().allPairs() > 0, "no pairs");
    assertTrue(report.last().steps() > 0, "no steps");
    assertTrue(Files.isRegularFile(report.last().artefact()), "no adapter");
    assertTrue(Files.readString(run.resolve("report.json")).contains("\"p_value\""), "no report");
    assertTrue(Files.readString(run.resolve("report.json")).contains("\"search_token_use\""), "no use of tokens");
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
    Files.write(run.resolve("recipe.json"), CheckedLines.frame("{\"model\": \"embedded\", \"problems\": \"p\"}".getBytes(StandardCharsets.UTF_8)));
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

  /**
   * Round 2 searches with what round 1 made, learns from there, and is measured as what it then is. That round 1 rises
   * is arranged: answers of an earlier process are graded, not generated again, and here they are all wrong before it
   * and all right after it.
   */
  @ParameterizedTest
  @ValueSource(strings = {"full", "lora"})
  void theNextRoundBeginsWithTheNewPolicy(String method) throws Exception {
    Path run = temporary.resolve("run");
    Recipe recipe = Recipe.parse(
        """
        name: two
        model: embedded
        problems: embedded:train
        limit: 6
        seed: 5
        rounds: 3
        search: {rollouts: 2, candidates: 3, depth: 8, pairing: any, stages: [generation], pairs_per_problem: 2,
          probe: 3, pass_rate: 0..1}
        train: {method: %s, learning_rate: %s, batch_pairs: 4, epochs: 2, schedule: constant}
        evaluate: {problems: "embedded:validation", limit: 6, ngram: 30, max_tokens: 200}
        """.formatted(method, method.equals("full") ? "1e-3" : "1e-2"));
    arrange(run, recipe, 6);

    EvolveReport report = new Evolve(recipe, run, true, new Heard()).run();
    assertEquals(2, report.rounds().size(), "the second did not rise, so there is no third");
    Path first = report.rounds().getFirst().artefact();
    Path second = report.rounds().getLast().artefact();
    Path policy = first;
    if (method.equals("lora")) {
      policy = run.resolve("round-1/policy.gguf");
      Path merged = temporary.resolve("merged.gguf");
      ModelMerge.merge(ModelSource.resolve("embedded"), first, MergeType.AUTO, GgmlQuantizer::quantize, merged, line -> {});
      assertEquals(-1, Files.mismatch(merged, policy), "the base with the first round's adapter in it");
    }
    String base = sha(ModelSource.resolve("embedded"));
    String evolved = sha(policy);
    assertNotEquals(base, evolved);
    List<String> begun = List.of(base, evolved);
    List<String> seeds = new ArrayList<>();
    List<String> drawn = new ArrayList<>();
    for (int n = 1; n <= 2; n++) {
      Path folder = run.resolve("round-" + n);
      RunReader search = RunReader.read(folder.resolve("search"));
      search.problems().forEach(p -> drawn.add(search.probeOf(p.id()).draws().getFirst().text()));
      assertEquals(begun.get(n - 1), search.provenance().identity().get("model.sha256"),
          "round " + n + " searches with it");
      try (GgufFile file = GgufFile.open(n == 1 ? first : second)) {
        assertEquals(begun.get(n - 1), file.metadata().requireString("sphere.base_sha256"),
            "round " + n + " learns from it");
        seeds.add(file.metadata().requireString("sphere.seed"));
      }
      JsonNode step = JsonMapper.shared().readTree(Files.readAllLines(folder.resolve("train/metrics.jsonl")).getFirst());
      assertEquals(Math.log(2), step.path("loss").asDouble(), 1e-6, "its reference is the policy at its start");
      assertEquals(0, step.path("rewards/margins").asDouble(), 1e-6);
    }
    assertEquals(12, drawn.size());
    assertNotEquals(drawn.subList(0, 6), drawn.subList(6, 12), "every round probes anew");
    assertEquals(2, seeds.stream().distinct().count(), "every round draws anew: " + seeds);
    List<String> said = AnswerFile.read(run.resolve("round-2/answers.jsonl")).stream().map(Answered::text).toList();
    boolean adapter = method.equals("lora");
    assertEquals(answer(adapter ? policy : second, adapter ? second : null), said);
    assertNotEquals(answer(policy, null), said, "what was learnt shows");

    // The figures: base 0, then all right, then what it was.
    double last = report.last().evaluation().accuracy();
    assertEquals(0, report.base().accuracy());
    assertEquals(1, report.best().round());
    assertEquals(last, report.last().comparison().difference(), 1e-12, "against the run's base");
    assertEquals(1, report.rounds().getFirst().comparison().difference(), 1e-12);
    List<String> table = Files.readAllLines(run.resolve("rounds.md"));
    assertEquals(7, table.size(), "head, rule, base, a line for each round, and on what the best was chosen");
    assertTrue(table.get(3).startsWith("| 1 (best) | ") && table.get(3).contains("| +100.0 ("), table.get(3));
    String change = String.format(java.util.Locale.ROOT, "| %+.1f (", 100 * (last - 1));
    assertTrue(table.get(4).startsWith("| 2 | ") && table.get(4).contains(change), table.get(4) + " wants " + change);
    JsonNode json = JsonMapper.shared().readTree(Files.readString(run.resolve("report.json")));
    assertEquals("two", json.path("name").asString());
    assertEquals(5, json.path("seed").asInt());
    assertEquals(1, json.path("best_round").asInt());
    assertEquals(first.toString(), json.path("best_artefact").asString());
    assertEquals(second.toString(), json.path("artefact").asString());
    assertEquals(last, json.path("evolved").path("accuracy").asDouble(), 1e-12);
    assertEquals(2, json.path("rounds").size());
    JsonNode round = json.path("rounds").get(0);
    int pairs = report.rounds().getFirst().search().allPairs();
    assertTrue(pairs > 0 && pairs <= 12, "two pairs a problem: " + pairs);
    assertEquals(pairs, round.path("pairs").path("total").asInt());
    assertEquals(6, round.path("problems").asInt());
    assertEquals(6, round.path("probe").path("taken").asInt());
    assertEquals(2 * ((pairs + 3) / 4), round.path("train_steps").asInt(), "two epochs in batches of 4");
    assertEquals(
        round.path("search_tokens").asDouble() / pairs, round.path("tokens_per_pair").asDouble(), 1e-9);
    assertEquals("", Files.readString(run.resolve("decontamination.jsonl")), "no 30 words in common");
  }

  /**
   * Two rounds of one policy (a training that moves nothing), and a run by another seed: each draws solutions of its
   * own.
   */
  @Test
  void everyRoundAndEverySeedProbesAnew() throws Exception {
    String text = """
        model: embedded
        problems: embedded:train
        limit: 6
        seed: %d
        rounds: 2
        search: {rollouts: 2, candidates: 3, depth: 8, pairing: any, stages: [generation], probe: 3, pass_rate: 0..1}
        train: {method: full, learning_rate: 1e-30, batch_pairs: 4, type: f32}
        evaluate: {problems: "embedded:validation", limit: 6}
        """;
    List<List<String>> drawn = new ArrayList<>();
    for (int seed = 1; seed <= 2; seed++) {
      Path run = temporary.resolve("seed-" + seed);
      Recipe recipe = Recipe.parse(text.formatted(seed));
      arrange(run, recipe, 6);
      new Evolve(recipe, run, true, new Heard()).run();
      for (int n = 1; n <= 2; n++) {
        RunReader search = RunReader.read(run.resolve("round-" + n + "/search"));
        drawn.add(search.problems().stream().flatMap(p -> search.probeOf(p.id()).draws().stream()).map(d -> d.text())
            .toList());
      }
    }
    assertEquals(4, drawn.stream().distinct().count(), "two rounds of two seeds: " + drawn);
  }

  /**
   * The second round's steps are judged by what the first one learnt, and the third's by what the second one did; only the
   * first is searched with rollouts.
   */
  @Test
  void laterRoundsAreJudgedByWhatTheRoundBeforeLearnt() throws Exception {
    Path run = temporary.resolve("run");
    Recipe recipe = Recipe.parse(
        """
        model: embedded
        problems: embedded:train
        limit: 12
        seed: 5
        rounds: 3
        reward: implicit
        search: {rollouts: 2, candidates: 3, depth: 8, pairing: any, stages: [generation]}
        train: {method: full, learning_rate: 1e-4, batch_pairs: 4, beta: 0.25}
        evaluate: {problems: "embedded:validation", limit: 6, max_tokens: 200}
        """);
    arrange(run, recipe, 3, 6); // base, round 1 and round 2 rise
    EvolveReport report = new Evolve(recipe, run, true, new Heard()).run();
    assertEquals(3, report.rounds().size());
    List<String> judges = new ArrayList<>();
    List<String> betas = new ArrayList<>();
    List<String> searched = new ArrayList<>();
    for (int n = 1; n <= 3; n++) {
      RunReader search = RunReader.read(run.resolve("round-" + n + "/search"));
      Map<String, String> identity = search.provenance().identity();
      judges.add(identity.get("prm.sha256"));
      betas.add(identity.get("prm.beta"));
      searched.add(identity.get("model.sha256"));
      assertEquals(n == 1, identity.get("prm.kind").equals("mc"), identity.get("prm.kind"));
    }
    String base = sha(ModelSource.resolve("embedded"));
    String first = sha(report.rounds().getFirst().artefact());
    assertEquals(List.of("none", base, first), judges);
    assertEquals(List.of("0.25", "0.25"), betas.subList(1, 3));
    assertEquals(List.of(base, first, sha(report.rounds().get(1).artefact())), searched);
    // A folder that has moved is the same run: where the reward's model lies is none of its identity.
    Path moved = Files.move(run, temporary.resolve("moved"));
    Heard again = new Heard();
    new Evolve(recipe, moved, true, again).run();
    assertTrue(again.words.stream().noneMatch(w -> w.startsWith("search ")), again.words.toString());
  }

  /**
   * Nothing is lost between rounds: the second begins with the log-probabilities that the first one's policy had, base and
   * adapter apart. Rounded to the base's own BF16, a good part of a small update is lost.
   */
  @Test
  void theNextRoundBeginsWithWhatWasLearnt() throws Exception {
    assumeTrue(AttentionKernel.oneRow(), "F32 activations, or rounding on the way hides it");
    String words = """
        name: two
        model: embedded
        problems: embedded:train
        limit: 4
        seed: 5
        rounds: 2
        search: {rollouts: 2, candidates: 3, depth: 8, pairing: any, stages: [generation], pairs_per_problem: 2}
        train: {method: lora, learning_rate: 3e-4, batch_pairs: 4, epochs: 2, schedule: constant%s}
        evaluate: {problems: "embedded:validation", limit: 6, max_tokens: 40}
        """;
    Path run = temporary.resolve("run");
    List<String> notes = merged(Recipe.parse(words.formatted("")), run);
    Path base = ModelSource.resolve("embedded");
    Path adapter = run.resolve("round-1/train/adapter.gguf");
    Path rounded = temporary.resolve("rounded.gguf");
    ModelMerge.merge(base, adapter, MergeType.BASE, GgmlQuantizer::quantize, rounded, line -> {});
    List<String> texts = ProblemSource.read("embedded:train").stream().limit(20).map(Problem::question).toList();
    List<float[]> learnt = LogProbShift.read(base, adapter, texts, 2000);
    LogProbShift all = LogProbShift.between(LogProbShift.read(base, null, texts, 2000), learnt);
    LogProbShift kept =
        LogProbShift.between(learnt, LogProbShift.read(run.resolve("round-1/policy.gguf"), null, texts, 2000));
    LogProbShift lost = LogProbShift.between(learnt, LogProbShift.read(rounded, null, texts, 2000));
    assertTrue(all.mean() > 0.005, "something was learnt: " + all);
    assertTrue(kept.mean() < 0.1 * all.mean(), kept + " of " + all); // measured: 0.05
    assertTrue(lost.mean() > 0.2 * all.mean(), lost + " of " + all); // 0.29
    assertTrue(notes.stream().anyMatch(w -> w.startsWith("round 1, its adapter put into the weights: The update is ")),
        notes.toString());

    Path typed = temporary.resolve("typed");
    merged(Recipe.parse(words.formatted(", type: f32")), typed);
    try (GgufFile file = GgufFile.openModel(typed.resolve("round-1/policy.gguf"))) {
      assertEquals(GgmlType.F32, file.tensor("blk.0.ffn_up.weight").type(), "as it is told");
    }
  }

  @Test
  void anEvaluationGoesOnWithTheAnswersThatAreDone() throws Exception {
    Recipe recipe = recipe("lora", "", ", max_tokens: 9");
    EvolveListener enough = new EvolveListener() {
      @Override
      public void at(int done, Supplier<String> detail) {
        if (done == 4) {
          throw new IllegalStateException("enough");
        }
      }
    };
    Path run = temporary.resolve("run");
    assertThrows(IllegalStateException.class, () -> new Evolve(recipe, run, false, enough).run());
    Heard heard = new Heard();
    new Evolve(recipe, run, true, heard).run();
    assertEquals("evaluate 6 problems", heard.words.getFirst());
    Path whole = temporary.resolve("whole");
    new Evolve(recipe, whole, false, new Heard()).run();
    assertEquals(-1, Files.mismatch(whole.resolve("base-answers.jsonl"), run.resolve("base-answers.jsonl")));
    assertEquals(-1, Files.mismatch(whole.resolve("round-1/train/adapter.gguf"), run.resolve("round-1/train/adapter.gguf")));
  }

  @Test
  void aTrainingThatIsStoppedIsSavedAndGoneOnWith() throws Exception {
    Recipe recipe = recipe("lora", ", epochs: 3", ", max_tokens: 9");
    Path run = temporary.resolve("run");
    AtomicInteger asked = new AtomicInteger();
    assertNull(new Evolve(recipe, run, false, new Heard(), () -> asked.incrementAndGet() > 2).run());
    assertFalse(Files.exists(run.resolve("round-1/train/adapter.gguf")));
    assertTrue(Files.exists(run.resolve("round-1/train/checkpoints/step-00000002.checkpoint")), "two steps are saved");
    new Evolve(recipe, run, true, new Heard()).run();
    Path whole = temporary.resolve("whole");
    new Evolve(recipe, whole, false, new Heard()).run();
    assertEquals(-1, Files.mismatch(whole.resolve("round-1/train/adapter.gguf"), run.resolve("round-1/train/adapter.gguf")));
  }

  /** Runs the first round, which rises, up to the second one's search; what was told meanwhile. */
  private static List<String> merged(Recipe recipe, Path run) throws Exception {
    arrange(run, recipe, 6);
    List<String> notes = new ArrayList<>();
    EvolveListener stopped = new EvolveListener() {
      @Override
      public void note(String line) {
        notes.add(line);
      }

      @Override
      public void searching(int round, int problems) {
        if (round == 2) {
          throw new IllegalStateException("enough");
        }
      }
    };
    assertThrows(IllegalStateException.class, () -> new Evolve(recipe, run, true, stopped).run());
    return notes;
  }

  /**
   * Begins a run, and then gives the base no right answer, and the first rounds as many as it is said; they are graded,
   * not generated again.
   */
  private static void arrange(Path run, Recipe recipe, int... right) throws Exception {
    EvolveListener stopped = new EvolveListener() {
      @Override
      public void searching(int round, int problems) {
        throw new IllegalStateException("enough");
      }
    };
    assertThrows(IllegalStateException.class, () -> new Evolve(recipe, run, false, stopped).run());
    List<Answered> answers = AnswerFile.read(run.resolve("base-answers.jsonl"));
    assertEquals(6, answers.size());
    FileSums sums = new FileSums(run); // or they would be taken for damaged
    for (int n = 0; n <= right.length; n++) {
      Path file = run.resolve(n == 0 ? "base-answers.jsonl" : "round-" + n + "/answers.jsonl");
      int known = n == 0 ? 0 : right[n - 1];
      Files.createDirectories(file.getParent());
      AnswerFile.write(file, saying(answers, a -> answers.indexOf(a) < known ? a.gold() : "no idea"));
      sums.put(file);
    }
  }

  private static List<Answered> saying(List<Answered> answers, Function<Answered, String> text) {
    return answers.stream().map(a -> new Answered(
        a.problemId(), a.gold(), a.sample(), text.apply(a), "", false, "", a.tokens(), false)).toList();
  }

  private static String sha(Path model) {
    try (GgufFile file = GgufFile.open(model)) {
      return file.sha256();
    }
  }

  /** What a policy says to the six evaluation problems. */
  private static List<String> answer(Path model, Path adapter) throws InterruptedException {
    ModelDefaults manner = ModelDefaults.of(model);
    List<Problem> problems = ProblemSource.read("embedded:validation", ReadOptions.defaults().withLimit(6)).problems();
    try (BatchedPolicy policy = BatchedPolicy.open(model, adapter, manner.prompts().template(), 0)) {
      return new Evaluator(policy, manner.prompts()).run(problems, EvalSettings.greedy(200), Progress.NONE)
          .answers().stream().map(Answered::text).toList();
    }
  }

  /**
   * The demo in small: the embedded model learns from what it searches itself. On other machines other bits give other
   * pairs, so the bar is far below what is gained here; a trainer that learns nothing, or the wrong way, is below it.
   */
  @Test
  void theEmbeddedModelGetsBetter() throws Exception {
    Recipe recipe = Recipe.parse(
        """
        model: embedded
        problems: embedded:train
        limit: 60
        seed: 1
        search: {rollouts: 4, candidates: 5, depth: 8, pairing: any, early_stop: true, parallel: 32, stages: [generation]}
        train: {method: full, learning_rate: 1e-4, epochs: 2, batch_pairs: 8}
        evaluate: {problems: "embedded:validation", limit: 150}
        """);
    EvolveReport report = new Evolve(recipe, temporary.resolve("run"), false, new Heard()).run();
    double base = report.base().accuracy();
    double gain = report.last().evaluation().accuracy() - base;
    assertTrue(base > 0.5 && base < 0.7, "the embedded model answers 60 % of embedded:validation, here " + base);
    assertTrue(gain > 0.04, "from " + base + " by " + gain);
    assertTrue(report.last().comparison().won() > report.last().comparison().lost());
    assertTrue(report.last().metrics().get("rewards/accuracies") > 0.5, report.last().metrics().toString());
  }

  /** Rounds search parts of their own; another set than the compared one stops them and chooses. */
  @Test
  void roundsGetFreshProblemsAndAreChosenByOthers() throws Exception {
    Path run = temporary.resolve("run");
    Recipe recipe = Recipe.parse(
        """
        model: embedded
        problems: embedded:train
        limit: 81
        rounds: 2
        fresh_problems: true
        replay: true
        search: {rollouts: 4, depth: 8, pairing: any, early_stop: true, parallel: 32, stages: [generation]}
        train: {method: full, learning_rate: 1e-4, epochs: 2, batch_pairs: 8}
        evaluate: {problems: "embedded:test", limit: 30, samples: 2}
        validate: {problems: "embedded:validation", limit: 150}
        """);
    Heard heard = new Heard();
    EvolveReport report = new Evolve(recipe, run, false, heard).run();
    assertEquals(2, report.rounds().size(), "the first round gains some points on 150 problems");
    assertEquals(List.of("embedded:train", "40", "41"), List.of(recipe.problems(),
        String.valueOf(RunReader.read(run.resolve("round-1/search")).problems().size()),
        String.valueOf(RunReader.read(run.resolve("round-2/search")).problems().size())));
    List<String> both = new ArrayList<>(ids(run.resolve("round-1/search")));
    both.addAll(ids(run.resolve("round-2/search")));
    assertEquals(81, both.stream().distinct().count());
    Set<String> found = pairs(run.resolve("round-1/search"));
    assertEquals(found, trained(run.resolve("round-1/train")));
    found.addAll(pairs(run.resolve("round-2/search")));
    assertEquals(found, trained(run.resolve("round-2/train")), "the second round replays the pairs of the first");
    assertTrue(heard.words.contains("evaluated round 1, validation"), heard.words.toString());
    assertEquals(150, report.validation().n());
    assertEquals(30, report.base().n());
    assertEquals(90, report.base().answers().size(), "a greedy answer and two samples each");
    assertTrue(report.last().evaluation().passAtK().get(2) >= report.last().evaluation().meanAtK());
    assertTrue(report.table().stream().anyMatch(l -> l.startsWith("| base | ") && l.contains("2: ")), report.table().toString());
    Heard again = new Heard();
    new Evolve(recipe, run, true, again).run();
    assertTrue(again.words.stream().noneMatch(w -> w.startsWith("evaluate ")), "answers are there: " + again.words);
    EvolveReport.Round second = report.last();
    assertEquals(second.evaluation().accuracy() - report.rounds().getFirst().evaluation().accuracy(),
        second.before().difference(), 1e-12);
    double most = report.rounds().stream().mapToDouble(r -> r.validation().accuracy()).max().orElseThrow();
    assertEquals(most, report.best().validation().accuracy());
    assertTrue(report.table().getLast().startsWith("On the validation problems"), report.table().toString());
    assertTrue(Files.readString(run.resolve("report.json")).contains("comparison_with_round_before"));
    assertEquals(List.of(), Evolve.check(run));
  }

  /**
   * Validation tells of the rounds; base and best round answer the test problems, and the base some of them as is
   * usual.
   */
  @Test
  void testProblemsAreAskedOnceAtTheEnd() throws Exception {
    Path run = temporary.resolve("run");
    Recipe recipe = Recipe.parse(
        """
        model: embedded
        problems: embedded:train
        limit: 6
        rounds: 2
        prompt: {question: "{question} Say it."}
        search: {rollouts: 2, candidates: 3, depth: 8, pairing: any, stages: [generation], guessed_answers: true}
        train: {learning_rate: 1e-4, batch_pairs: 4, lora_rank: 4}
        validate: {problems: "embedded:validation", limit: 6}
        evaluate: {problems: "embedded:test", limit: 9, at_end: true, usual: 4}
        """);
    arrange(run, recipe, 6);
    Heard heard = new Heard();
    EvolveReport report = new Evolve(recipe, run, true, heard).run();
    List<String> evaluated = heard.words.stream().filter(w -> w.startsWith("evaluated")).toList();
    assertEquals(List.of("evaluated base, validation", "evaluated round 1, validation", "evaluated round 2, validation",
        "evaluated base, test", "evaluated round 1, test", "evaluated base, test, asked as usual"), evaluated);
    assertEquals(6, report.base().n());
    EndTest end = report.test().orElseThrow();
    assertEquals(List.of(9, 9, 4), List.of(end.base().n(), end.evolved().n(), end.usual().orElseThrow().n()));
    assertEquals(ModelSource.resolve("embedded"), end.model(), "the first round's adapter belongs on the base");
    assertEquals(report.rounds().getFirst().artefact(), end.adapter().orElseThrow());
    List<Problem> test = ProblemSource.read("embedded:test", ReadOptions.defaults().withLimit(4)).problems();
    ModelDefaults usual = ModelDefaults.of(end.model());
    try (BatchedPolicy policy = BatchedPolicy.open(end.model(), null, usual.prompts().template(), 0)) {
      assertEquals(new Evaluator(policy, usual.prompts()).run(test, EvalSettings.greedy(256), Progress.NONE).answers(),
          AnswerFile.read(run.resolve("test-usual.jsonl")), "without \"Say it.\"");
    }
    assertTrue(report.table().stream().anyMatch(l -> l.startsWith("The validation problems stop the rounds")));
    assertTrue(report.table().stream()
        .anyMatch(l -> l.startsWith("What asking alone brought, which is no gain: of the first 4 ")));
    assertEquals(List.of(), Evolve.check(run));
  }

  private static Set<String> pairs(Path run) {
    return RunReader.read(run).pairs().stream().map(PairFlags::key).collect(Collectors.toCollection(TreeSet::new));
  }

  private static Set<String> trained(Path folder) throws IOException {
    Set<String> keys = new TreeSet<>();
    for (String line : Files.readAllLines(TrainedRows.in(folder))) {
      String key = JsonMapper.shared().readTree(line.substring(line.indexOf('{'))).path("pair").asString("");
      if (!key.isEmpty()) {
        keys.add(key);
      }
    }
    return keys;
  }

  private static List<String> ids(Path run) {
    return RunReader.read(run).problems().stream().map(Problem::id).toList();
  }

  /** The best round is the validation's, whatever the held-out problems say. */
  @Test
  void theBestIsChosenByValidation() {
    EvolveReport.Round first = round(1, result(9, 10), result(2, 10));
    EvolveReport.Round second = round(2, result(3, 10), result(8, 10));
    assertEquals(2, new EvolveReport("x", 1, result(1, 10), result(1, 10), List.of(first, second), 0).best().round());
    EvolveReport.Round alone = round(1, result(9, 10), null);
    EvolveReport without = new EvolveReport("x", 1, result(1, 10), null, List.of(alone, round(2, result(3, 10), null)), 0);
    assertEquals(1, without.best().round());
    assertTrue(without.table().getLast().contains("flatters"), without.table().toString());
  }

  /** A line a round; the classes of graded problems in the order of their numbers. */
  @Test
  void roundsAreSummedUpByClass() {
    EvalResult base = graded(12, 1);
    EvalResult better = graded(12, 2);
    EvolveReport.Round first = round(1, better, base);
    EvolveReport report = new EvolveReport("x", 1, base, base, List.of(first, round(2, graded(12, 1), result(1, 2))), 0);
    List<String> lines = report.summary();
    assertEquals("Held-out problems solved, %, by level:", lines.getFirst());
    assertEquals(List.of("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "all", "since", "the", "round", "before"),
        List.of(lines.get(1).strip().split(" +")));
    assertEquals("  base              0   50   50   50   50   50   50   50   50   50   50   50   45.8", lines.get(2));
    assertTrue(lines.get(3).startsWith("  round 1          50  100  100  "), lines.get(3));
    assertTrue(lines.get(4).startsWith("  round 2 (best)    0   50"), lines.get(4));
    assertTrue(lines.get(4).endsWith("45.8   +0.0 (0 won, 0 lost, p = 1)"), lines.get(4));
    assertEquals(5, lines.size());
    assertEquals("Held-out problems solved, %:", new EvolveReport("x", 1, graded(13, 1), null, List.of(first), 0).summary().getFirst(), "too many for a line");
    assertEquals("  base             45.8", new EvolveReport("x", 1, result(11, 24), null, List.of(first), 0).summary().get(2), "no classes");
  }

  /** Two problems a class; {@code right} of them are solved, of class 1 one fewer. */
  private static EvalResult graded(int classes, int right) {
    List<Answered> answers = new ArrayList<>();
    for (int i = 0; i < 2 * classes; i++) {
      int level = i / 2 + 1;
      boolean solved = i % 2 < (level == 1 ? right - 1 : right);
      answers.add(new Answered("p" + i, "1", Answered.GREEDY, "\\boxed{" + (solved ? 1 : 2) + "}", "", solved, "", 3, false, List.of(),
          Map.of("level", Integer.toString(level))));
    }
    return Evaluator.regrade(answers);
  }

  private static EvolveReport.Round round(int n, EvalResult evaluation, EvalResult validation) {
    Comparison same = Comparison.of(evaluation, evaluation, 1);
    return new EvolveReport.Round(
        n, RunReport.of(List.of(), null), 0, 0, null, 1, Map.of(), 0, Path.of("m.gguf"), evaluation, validation, same, same);
  }

  private static EvalResult result(int right, int all) {
    List<Answered> answers = new ArrayList<>();
    for (int i = 0; i < all; i++) {
      answers.add(new Answered("p" + i, "1", Answered.GREEDY, "\\boxed{" + (i < right ? 1 : 2) + "}", "", i < right, "", 3, false,
          List.of(), Map.of()));
    }
    return Evaluator.regrade(answers);
  }

  @Test
  void whatValidatesIsNeitherSearchedNorEvaluated() {
    for (String other : List.of("embedded:train", "embedded:validation")) {
      Recipe recipe = Recipe.parse(
          """
          model: embedded
          problems: embedded:train
          limit: 3
          search: {rollouts: 1, candidates: 2}
          evaluate: {problems: "embedded:validation", limit: 3}
          validate: {problems: "%s", limit: 2}
          """.formatted(other));
      Throwable e = assertThrows(IllegalArgumentException.class,
          () -> new Evolve(recipe, temporary.resolve("run"), false, new Heard()).run());
      assertTrue(e.getMessage().startsWith("2 of the 2 validation problems are also "), e.getMessage());
    }
    Recipe few = Recipe.parse("""
        model: embedded
        problems: embedded:train
        limit: 2
        rounds: 3
        fresh_problems: true
        evaluate: {problems: "embedded:validation", limit: 3}
        """);
    Throwable e = assertThrows(IllegalArgumentException.class,
        () -> new Evolve(few, temporary.resolve("run"), false, new Heard()).run());
    assertTrue(e.getMessage().contains("2 problems are too few for 3 rounds"), e.getMessage());
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

  @Test
  void problemsThatAreWorkedExamplesAreNotSearched() throws Exception {
    Problem first = ProblemSource.read("embedded:train").getFirst();
    Path shots = Files.writeString(temporary.resolve("shots.jsonl"), JsonMapper.shared().writeValueAsString(
        Map.of("question", first.question(), "answer", "#### " + first.answer())));
    Recipe recipe = Recipe.parse(
        """
        model: embedded
        problems: embedded:train
        limit: 1
        prompt: {few_shot: "%s", shots: 1}
        search: {rollouts: 1, candidates: 2}
        evaluate: {problems: "embedded:validation", limit: 3}
        """.formatted(shots));
    Throwable e = assertThrows(IllegalArgumentException.class,
        () -> new Evolve(recipe, temporary.resolve("run"), false, new Heard()).run());
    assertTrue(e.getMessage().contains("all of them are worked examples"), e.getMessage());
  }

  @Test
  void setsThatAreNotComparedOnAreLeftOutToo() {
    Path run = temporary.resolve("run");
    Recipe recipe = Recipe.parse(
        """
        model: embedded
        problems: embedded:train
        limit: 3
        decontaminate: ["embedded:train"]
        search: {rollouts: 1, candidates: 2}
        evaluate: {problems: "embedded:validation", limit: 3}
        """);
    Throwable e = assertThrows(IllegalArgumentException.class, () -> new Evolve(recipe, run, false, new Heard()).run());
    assertTrue(e.getMessage().contains("no problem is left to search: every one shares 13 words"), e.getMessage());
  }
}
