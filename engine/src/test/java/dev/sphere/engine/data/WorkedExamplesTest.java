package dev.sphere.engine.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Problem;
import dev.sphere.engine.prompt.Prompts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkedExamplesTest {
  private static final String TEMPLATE = "Question: {question}\nAnswer:";

  @TempDir Path dir;

  private Path file(String text) throws IOException {
    return Files.writeString(dir.resolve("train.jsonl"), text);
  }

  @Test
  void examplesStandBeforeTheQuestion() throws IOException {
    Path f = file("{\"question\":\"2+2?\",\"answer\":\"It is 4.\\n#### 4\"}\n"
        + "{\"problem\":\"x?\",\"solution\":\"So \\\\boxed{3}.\","
        + "\"answer\":\"3\"}\n{\"question\":\"no more\"}\n");
    assertEquals("Question: 2+2?\nAnswer: It is 4.\n#### 4\n\nQuestion: x?\nAnswer: So \\boxed{3}.\n\n" + TEMPLATE,
        WorkedExamples.read(f, 2).before(TEMPLATE));
    Prompts prompts = Prompts.defaults();
    Prompts shown = WorkedExamples.read(f, 1).before(prompts);
    assertEquals(WorkedExamples.read(f, 1).before(prompts.question()), shown.question());
    assertEquals(prompts, shown.with(null, prompts.question(), null, null, null));
    assertEquals("Question:", WorkedExamples.head(TEMPLATE));
    assertEquals("", WorkedExamples.head("{question}"));
  }

  @Test
  void problemsAmongTheExamplesAreLeftOut() throws IOException {
    Path f = file("{\"question\":\"2+2 is  what?\",\"answer\":\"#### 4\"}\n{\"question\":\"3?\",\"answer\":\"#### 3\"}\n");
    List<Problem> problems =
        List.of(new Problem("a", " 2+2 is\nwhat?", "4"), new Problem("b", "3?", "3"), new Problem("c", "5?", "5"));
    assertEquals(List.of("b", "c"), WorkedExamples.read(f, 1).others(problems).stream().map(Problem::id).toList());
    assertEquals(List.of("c"), WorkedExamples.read(f, 2).others(problems).stream().map(Problem::id).toList());
  }

  @Test
  void theHashIsOfWhatIsShown() throws IOException {
    String line = "{\"question\":\"2+2?\",\"answer\":\"#### 4\"}\n";
    String hash = WorkedExamples.read(file(line), 1).sha256();
    assertEquals(hash, WorkedExamples.read(file(line + "{\"question\":\"3?\"}\n"), 1).sha256());
    assertNotEquals(hash, WorkedExamples.read(file(line.replace("#### 4", "#### 5")), 1).sha256());
    assertNotEquals(hash, WorkedExamples.read(file(line.repeat(2)), 2).sha256());
    assertNull(WorkedExamples.Settings.NONE.read());
  }

  @Test
  void whatIsMissingIsNamed() throws IOException {
    Path f = file("{\"question\":\"2+2?\",\"answer\":\"#### 4\"}\n{\"question\":\"3?\",\"gold\":\"3\"}\n");
    assertTrue(message(f, 2).contains("line 2: no solution"), message(f, 2));
    assertTrue(message(file("{\"question\":\"2+2?\",\"answer\":\"4\"}\n"), 3).contains("3 are wanted, 1 are there"));
    assertTrue(message(f, 0).contains("at least 1"));
    assertTrue(message(dir.resolve("none.jsonl"), 1).contains("no such file"));
  }

  private static String message(Path file, int shots) {
    return assertThrows(IllegalArgumentException.class, () -> WorkedExamples.read(file, shots)).getMessage();
  }
}
