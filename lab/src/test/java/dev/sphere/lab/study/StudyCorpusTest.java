package dev.sphere.lab.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.Problem;
import dev.sphere.engine.data.ProblemReader;
import dev.sphere.engine.embedded.EmbeddedModels;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.lab.problems.ChainProblem.Use;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToIntFunction;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StudyCorpusTest {
  private static int length(List<Message> dialogue) {
    return dialogue.stream().mapToInt(m -> m.content().length()).sum();
  }

  @ParameterizedTest
  @EnumSource(Task.class)
  void answersAreLearnedAtThePositionsOfClassTen(Task task) {
    List<List<Message>> corpus = StudyCorpus.dialogues(task, 1, 4000, 0.1, 6);
    int longest = task.distinct(Task.LEVELS, Use.TEST, 500, 1).stream()
        .mapToInt(p -> p.question().length() + p.solution().length()).max().orElseThrow();
    assertTrue(longest <= StudyCorpus.REACH, "class 10 takes " + longest);
    long beyond = corpus.stream().filter(d -> length(d) >= longest).count();
    assertTrue(beyond >= 40, beyond + " of 4000 dialogues reach " + longest);
  }

  @ParameterizedTest
  @EnumSource(Task.class)
  void noHardClassAndNoSearchedProblemIsTrainedOn(Task task) {
    Set<String> asked = StudyCorpus.dialogues(task, 1, 4000, 0.1, 6).stream().flatMap(List::stream)
        .filter(m -> m.role().equals("user") && !m.content().equals(EmbeddedModels.CORRECTION_REQUEST)).map(Message::content)
        .collect(Collectors.toCollection(HashSet::new));
    for (int level = 1; level <= Task.TRAINED; level++) {
      for (StudyProblem p : task.distinct(level, Use.TEST, 1000, 1)) {
        assertTrue(!asked.contains(p.question()), p.question());
      }
    }
    // Longer ones, but without a fourth operation that does something (TaskTest says it of a bind's solutions) or a fourth number.
    int most = switch (task) {
      case CHAIN, COUNTDOWN -> Task.TRAINED + 1; // numbers; in countdown the target is one
      case BIND -> 2 * Task.TRAINED + 4; // two, an operation may bring one, so may one that nobody needs, and these are a third of all, idle ones among them
    };
    asked.forEach(q -> assertTrue(operands(q) <= most, q));
    assertEquals(StudyCorpus.dialogues(task, 2, 20, 0.5, 6), StudyCorpus.dialogues(task, 2, 20, 0.5, 6));
  }

  /** The numbers that an idle operation would not bring: other than 0, 00 and 1. */
  static long operands(String question) {
    return Pattern.compile("\\d+").matcher(question).results().filter(n -> !Set.of("0", "00", "1").contains(n.group())).count();
  }

  @Test
  void laterProblemsAreLongerByIdleOperations() {
    List<List<Message>> corpus = StudyCorpus.dialogues(Task.CHAIN, 1, 3000, 0, 6);
    ToIntFunction<List<List<Message>>> longest = part -> part.stream().flatMap(List::stream).filter(m -> m.role().equals("user"))
        .mapToInt(m -> (int) m.content().chars().filter(c -> "+-*".indexOf(c) >= 0).count()).max().orElseThrow();
    assertEquals(3, longest.applyAsInt(corpus.subList(0, 1000)));
    assertEquals(6, longest.applyAsInt(corpus.subList(1200, 3000)));
    List<List<Message>> further = StudyCorpus.dialogues(Task.CHAIN, 1, 3000, 0, 11);
    assertEquals(6, longest.applyAsInt(further.subList(1200, 2000)));
    assertEquals(11, longest.applyAsInt(further.subList(2100, 3000)));
  }

  @Test
  void theSetsAreReadAsProblemsWithTheirClasses(@TempDir Path dir) throws IOException {
    StudySets.main(new String[] {"countdown", dir.toString(), "5", "2", "3", "10", "6"});
    List<Problem> search = ProblemReader.read(dir.resolve("countdown-search.jsonl").toString());
    List<Problem> test = ProblemReader.read(dir.resolve("countdown-test.jsonl").toString());
    assertEquals(45, search.size());
    assertEquals(30, test.size());
    assertEquals(18, ProblemReader.read(dir.resolve("countdown-validation.jsonl").toString()).size());
    assertTrue(search.stream().noneMatch(p -> p.metadata().get("level").equals("10")), "class 10 is never searched");
    assertEquals(3, test.stream().filter(p -> p.metadata().get("level").equals("10")).count());
    Problem hard = test.stream().filter(p -> p.metadata().get("level").equals("10")).findFirst().orElseThrow();
    assertEquals(6, hard.metadata().get("nums").split(", ").length);
    assertTrue(search.subList(0, 20).stream().map(p -> p.metadata().get("level")).distinct().count() > 4, "shuffled");
    for (String rows : List.of("base-1", "base-2", "sft")) {
      assertEquals(10, Files.readAllLines(dir.resolve("countdown-" + rows + ".jsonl")).size());
    }
    assertNotEquals(Files.readString(dir.resolve("countdown-base-1.jsonl")), Files.readString(dir.resolve("countdown-sft.jsonl")));
  }

  /** The demo's base and problems are those of the study, and its base has seen none of them. */
  @Test
  void theCarriedChainProblemsAreTheStudys(@TempDir Path dir) throws IOException {
    StudySets.main(new String[] {"chain", dir.toString(), "1000", "100", "150", "10", "11"});
    for (String[] set : new String[][] {{"search", "train"}, {"validation", "validation"}, {"test", "test"}}) {
      assertEquals(ProblemReader.read(dir.resolve("chain-" + set[0] + ".jsonl").toString()), ProblemSource.embedded("embedded:chain-" + set[1]).orElseThrow());
    }
    Set<String> asked = StudyCorpus.dialogues(Task.CHAIN, 1, 40_000, 0.1, 11).stream().flatMap(List::stream).map(Message::content)
        .collect(Collectors.toCollection(HashSet::new));
    for (String set : List.of("train", "validation", "test")) {
      assertTrue(ProblemSource.embedded("embedded:chain-" + set).orElseThrow().stream().noneMatch(p -> asked.contains(p.question())), set);
    }
  }

  /** A wrong answer is never learned. */
  @Test
  void afterACorrectionTheLastAnswerAloneIsLearned() {
    for (List<Message> dialogue : StudyCorpus.dialogues(Task.CHAIN, 1, 50, 1, 6)) {
      assertEquals(Map.of("prompt", dialogue.subList(0, 3), "completion", List.of(dialogue.get(3))), StudyCorpus.row(dialogue));
    }
    for (List<Message> dialogue : StudyCorpus.dialogues(Task.CHAIN, 1, 50, 0, 6)) {
      assertEquals(Map.of("messages", dialogue), StudyCorpus.row(dialogue));
    }
  }

  @Test
  void theBaseStartsFromAnEmbeddedModelWithALongerContext(@TempDir Path dir) throws IOException {
    Path start = dir.resolve("start.gguf");
    StudyStart.main(new String[] {"embedded-small", start.toString(), "embedded-chain"});
    try (GgufFile made = GgufFile.openModel(start); GgufFile from = GgufFile.openModel(ModelSource.resolve("embedded-small"))) {
      assertEquals(from.tensors().keySet(), made.tensors().keySet());
      assertEquals(2048, made.metadata().requireU32("qwen2.context_length"));
      assertEquals("Sphere embedded-chain", made.metadata().requireString("general.name"));
      assertNotEquals(2048, from.metadata().requireU32("qwen2.context_length"));
    }
  }
}
