package dev.sphere.lab.agree;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.kernel.Activations;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.lab.agree.Agreement.Apart;
import dev.sphere.lab.agree.Agreement.Comparison;
import dev.sphere.lab.agree.Agreement.Report;
import dev.sphere.lab.agree.PromptFile.Prompt;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The comparison with llama.cpp: of the embedded model, and of answers that are wrong. */
class AgreementTest {
  private static final Path SMALL = ModelSource.resolve("embedded-small");

  @TempDir Path dir;

  @Test
  void theEmbeddedModelAgrees() throws Exception {
    List<Prompt> few = new ArrayList<>();
    for (String kind : List.of("short", "problem", "chat", "script")) {
      PromptFile.read().stream().filter(p -> p.kind().equals(kind)).limit(2).forEach(few::add);
    }
    Report report = Agreement.run(SMALL, few, 8, dir);
    assertTrue(report.agrees(), report::toString);
    assertEquals(Activations.AUTO.here(), Activations.current(), "what is usual");
    for (Comparison c : report.comparisons()) {
      assertTrue(c.compared() > 100 && c.mean() < 0.05, c::toString);
    }
    assertTrue(report.comparisons().stream().anyMatch(c -> c.of().equals("llama") && c.with().equals("exact")));
    try (var files = Files.list(dir)) {
      assertEquals(List.of(), files.toList(), "the copy in F32 is deleted");
    }
  }

  @Test
  void anotherTokenAndAnotherLogProbabilityAreFound() throws Exception {
    List<int[]> prompts = List.of(new int[] {5, 6, 7}, new int[] {8, 9});
    DecodedRun right = PlainLlama.decode("llama", SMALL, true, prompts, 6, List.of(), List.of());
    int[] wrong = right.generated().get(1).clone();
    wrong[3] = wrong[3] == 11 ? 12 : 11;
    wrong[4] = wrong[3]; // what follows the first is not counted
    DecodedRun other = new DecodedRun("wrong", List.of(right.generated().get(0), wrong), right.logProbs());
    List<List<PlainLlama.Divergence>> found = List.of(new ArrayList<>(), new ArrayList<>());
    PlainLlama.decode("llama", SMALL, true, prompts, 6, List.of(right, other), found);
    assertEquals(List.of(), found.get(0));
    assertEquals(1, found.get(1).size());
    PlainLlama.Divergence divergence = found.get(1).getFirst();
    assertEquals(1, divergence.prompt());
    assertEquals(3, divergence.position());
    assertEquals(wrong[3], divergence.other());
    assertEquals(right.generated().get(1)[3], divergence.token());
    assertTrue(divergence.gap() > 0, divergence::toString);
  }

  @Test
  void whatIsNoTieIsAFault() {
    assertTrue(Agreement.exact(of("f32", 0.04, 0.004, 0.09)).holds());
    assertFalse(Agreement.exact(of("f32", 0.06, 0.004, 0.09)).holds());
    assertFalse(Agreement.exact(of("f32", 0.04, 0.006, 0.09)).holds());
    assertFalse(Agreement.exact(of("f32", 0.04, 0.004, 0.11)).holds());
    Comparison llama = of("llama", 0.2, 0.1, 1);
    assertTrue(Agreement.asNear(of("int8", 1.0, 0.12, 3), llama).holds());
    assertFalse(Agreement.asNear(of("int8", 1.1, 0.12, 3), llama).holds(), "a token that is no tie");
    assertFalse(Agreement.asNear(of("int8", 1.0, 0.14, 3), llama).holds(), "further off in the mean");
    assertFalse(Agreement.asNear(of("int8", 1.0, 0.12, 3.2), llama).holds(), "one log-probability");
  }

  private static Comparison of(String name, double gap, double rms, double max) {
    return new Comparison(name, "exact", 0, List.of(new Apart(0, "short", 2, "a", "b", gap)), 10, rms, rms, max);
  }

  @Test
  void fiftyPromptsOfSixKinds() {
    List<Prompt> prompts = PromptFile.read();
    Map<String, Long> kinds = prompts.stream().collect(Collectors.groupingBy(Prompt::kind, TreeMap::new, Collectors.counting()));
    assertEquals(Map.of("short", 10L, "problem", 10L, "chat", 10L, "long", 7L, "code", 6L, "script", 7L), kinds);
    assertEquals(50, prompts.stream().map(p -> p.text() + p.dialogue()).distinct().count());
    prompts.stream().filter(p -> p.kind().equals("long"))
        .forEach(p -> assertTrue(p.text().length() > 1500 && !p.text().contains("{"), p::toString));
    Prompt talk = prompts.stream().filter(p -> p.dialogue() != null && p.dialogue().size() == 3).findFirst().orElseThrow();
    assertEquals(new Message("user", "And the smallest?"), talk.dialogue().getLast());
  }
}
