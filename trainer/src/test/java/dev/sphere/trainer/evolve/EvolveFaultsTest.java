package dev.sphere.trainer.evolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.run.Search;
import dev.sphere.faults.AnyChange;
import dev.sphere.faults.Faults;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.io.TempDir;

/** A round on a disk that dies or fails at every change of it: gone on with, it makes what the undisturbed one makes. */
class EvolveFaultsTest implements AnyChange {
  private static final Recipe RECIPE = Recipe.parse("""
      model: embedded
      problems: embedded:train
      limit: 3
      search: {prm: outcome, candidates: 4, simulations: 3, pairing: any, stages: generation}
      train: {method: lora, lora_rank: 2, epochs: 1, batch_pairs: 2}
      evaluate: {problems: "embedded:validation", limit: 2, max_tokens: 3}
      """);

  @TempDir private Path temporary;

  private static void evolve(Path root, Consumer<String> said) throws Exception {
    new Evolve(RECIPE, root.resolve("runs/evolve"), true, new EvolveListener() {
      @Override
      public void evaluated(String whom, EvalResult result) {
        said.accept(whom.equals("base") ? "base-answers.jsonl" : "round-1/answers.jsonl");
      }

      @Override
      public void found(int round, Search.Outcome outcome, List<PreferencePair> pairs) {
        said.accept("round-1/search/pairs.jsonl");
      }
    }).run();
    said.accept("report.json");
  }

  private static void there(Path root, List<String> said) {
    for (String file : said) {
      Path path = root.resolve("runs/evolve").resolve(file);
      assertTrue(Files.exists(path), file);
      assertTrue(!file.endsWith("answers.jsonl") || AnswerFile.read(path).size() == 2, file);
    }
  }

  private static void same(Path whole, Path root) throws Exception {
    Path run = root.resolve("runs/evolve");
    for (String file : List.of("base-answers.jsonl", "recipe.json", "round-1/search/pairs.jsonl", "round-1/train/adapter.gguf",
        "round-1/answers.jsonl")) {
      assertEquals(-1, Files.mismatch(whole.resolve("runs/evolve").resolve(file), run.resolve(file)), file);
    }
    assertTrue(Files.exists(run.resolve("report.json")) && Files.exists(run.resolve("rounds.md")));
    assertEquals(List.of(), Evolve.check(run));
  }

  @Override
  public Faults faults() throws Exception {
    return new Faults(temporary, 1, EvolveFaultsTest::evolve, EvolveFaultsTest::there, EvolveFaultsTest::same);
  }

  @Override
  public int cases() {
    return 0;
  }
}
