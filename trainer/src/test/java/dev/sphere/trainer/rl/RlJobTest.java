package dev.sphere.trainer.rl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Problem;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.store.StoreException;
import dev.sphere.trainer.loop.TrainingListener;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The loop with the embedded model of chains: stopped and resumed, its figures, and what it refuses. */
class RlJobTest {
  private static final Path MODEL = ModelSource.resolve("embedded-chain");

  @TempDir Path dir;

  private static List<Problem> problems() {
    return ProblemSource.read("embedded:chain-train", ReadOptions.defaults().withLimit(40)).problems();
  }

  private RlJob job(String name, long seed, List<Integer> tree) {
    RlSettings settings = RlSettings.of(GivenSettings.nothing(), MODEL);
    settings = settings.withMaxTokens(64).withEvalShare(0).withTree(tree).withTrain(
        settings.train().withBatchSize(3).withMaxSteps(3).withSeed(seed).withSaveEvery(0));
    return RlJob.of(MODEL, problems(), dir.resolve(name), settings).withArtefact(Optional.of(dir.resolve(name + ".gguf")));
  }

  private byte[] weights(String name) throws Exception {
    return Files.readAllBytes(dir.resolve(name + ".gguf"));
  }

  @Test
  void aRunThatWasStoppedEndsWithTheBytesOfOneThatWasNot() throws Exception {
    for (List<Integer> tree : List.of(List.<Integer>of(), List.of(2, 2))) {
      String kind = tree.isEmpty() ? "draws" : "tree";
      assertTrue(job(kind, 1, tree).run(TrainingListener.NONE, () -> false).result().complete());
      AtomicInteger asked = new AtomicInteger();
      RlJob stopped = job(kind + "-stopped", 1, tree);
      assertFalse(stopped.run(TrainingListener.NONE, () -> asked.getAndIncrement() == 2).result().complete());
      assertThrows(StoreException.Refused.class, () -> stopped.run(TrainingListener.NONE, () -> false));
      assertEquals(3, stopped.withResume(true).run(TrainingListener.NONE, () -> false).result().steps());
      assertArrayEquals(weights(kind), weights(kind + "-stopped"), kind);
      assertEquals(figures(kind), figures(kind + "-stopped"));
    }
  }

  /** The logged lines, without seconds. */
  private List<String> figures(String name) throws Exception {
    List<String> figures = new ArrayList<>();
    for (String line : Files.readAllLines(dir.resolve(name).resolve("metrics.jsonl"))) {
      JsonNode row = JsonMapper.shared().readTree(line);
      StringBuilder kept = new StringBuilder();
      row.properties().stream().filter(e -> !e.getKey().contains("second") && !e.getKey().contains("memory")
          && !e.getKey().contains("_s")).forEach(e -> kept.append(e).append(' '));
      figures.add(kept.toString());
    }
    assertTrue(figures.size() >= 3, figures.toString());
    assertTrue(figures.getLast().contains("reward"), figures.getLast());
    return figures;
  }

  @Test
  void anotherSeedDrawsOtherSolutions() throws Exception {
    job("one", 1, List.of()).run(TrainingListener.NONE, () -> false);
    job("two", 2, List.of()).run(TrainingListener.NONE, () -> false);
    assertNotEquals(drawn("one"), drawn("two")); // the adapter alone would differ by its first random numbers too
  }

  /** Drawn tokens and reward of each update. */
  private List<String> drawn(String name) throws Exception {
    List<String> drawn = new ArrayList<>();
    for (String line : Files.readAllLines(dir.resolve(name).resolve("metrics.jsonl"))) {
      JsonNode row = JsonMapper.shared().readTree(line);
      assertTrue(row.path("drawn_tokens").asInt() > 0, line);
      drawn.add(row.path("drawn_tokens") + " " + row.path("reward"));
    }
    return drawn;
  }

  @Test
  void problemsThatAreMeasuredAreNotLearnedFrom() {
    RlJob job = job("both", 1, List.of());
    assertThrows(IllegalArgumentException.class, () -> job.withMeasured(problems().subList(0, 1)));
  }
}
