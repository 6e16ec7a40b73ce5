package dev.sphere.engine.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
        WorkedExamples.before(TEMPLATE, f, 2));
    assertEquals("Question:", WorkedExamples.head(TEMPLATE));
    assertEquals("", WorkedExamples.head("{question}"));
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
    return assertThrows(IllegalArgumentException.class, () -> WorkedExamples.before(TEMPLATE, file, shots)).getMessage();
  }
}
