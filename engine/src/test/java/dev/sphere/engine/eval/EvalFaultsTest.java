package dev.sphere.engine.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.store.Journal;
import dev.sphere.faults.AnyChange;
import dev.sphere.faults.Faults;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;

/** An evaluation on a disk that dies or fails at every change of it: resumed, it is the undisturbed one. */
class EvalFaultsTest implements AnyChange {
  private static final Map<String, String> MADE = Map.of("model", "m 1234");
  private static final EvalSettings SETTINGS = new EvalSettings(true, 2, SamplingSettings.temperature(0.8f, 60), 1, 3);
  private static final List<Problem> PROBLEMS =
      IntStream.range(0, 6).mapToObj(i -> new Problem("p" + i, "question " + i + " \u00e9", "7")).toList();

  @TempDir private Path temporary;

  private static void evaluate(Path root, Consumer<String> said) throws InterruptedException {
    Path file = root.resolve("answers.jsonl");
    if (Files.exists(file) && !Files.exists(Journal.part(file))) {
      said.accept("file"); // while the journal is there, the file may not be on the disk yet
      return;
    }
    try (Journal<Answered> journal = AnswerFile.journal(file, MADE, SETTINGS.answers(), true)) {
      EvalResult result = new Evaluator(new HashPolicy(.7), new Prompts("", "{question}", "again", ""))
          .run(PROBLEMS, SETTINGS, journal.known(), done -> {
            journal.add(done);
            said.accept(done.getFirst().problemId());
          }, Progress.NONE);
      AnswerFile.finish(journal, result.answers());
      said.accept("file");
    }
  }

  private static void there(Path root, List<String> said) {
    Path file = root.resolve("answers.jsonl");
    if (Files.exists(file)) {
      assertEquals(3 * PROBLEMS.size(), AnswerFile.read(file).size());
      return;
    }
    assertFalse(said.contains("file"));
    Map<String, List<Answered>> known = Journal.read(AnswerFile.JOURNAL, Journal.part(file)).rows();
    said.forEach(problem -> assertEquals(3, known.getOrDefault(problem, List.of()).size(), problem));
  }

  private static void same(Path whole, Path root) throws IOException {
    assertEquals(-1, Files.mismatch(whole.resolve("answers.jsonl"), root.resolve("answers.jsonl")));
  }

  @Override
  public Faults faults() throws Exception {
    return new Faults(temporary, 10, EvalFaultsTest::evaluate, EvalFaultsTest::there, EvalFaultsTest::same);
  }

  @Override
  public int cases() {
    return 5;
  }
}
