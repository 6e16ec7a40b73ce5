package dev.sphere.lab.embedded;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.embedded.ProblemSource;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class SftCorpusTest {
  @Test
  void theSameSettingsGiveTheSameDialogues() {
    var settings = new SftCorpus.Settings(1, 200, 0.3, 0.5);
    assertEquals(SftCorpus.dialogues(settings), SftCorpus.dialogues(settings));
  }

  @Test
  void noEmbeddedProblemIsTrainedOn() {
    Set<String> trained = SftCorpus.dialogues(new SftCorpus.Settings(1, 20_000, 0.2, 0.5)).stream()
        .map(d -> d.getFirst().content()).collect(Collectors.toSet());
    for (String name : ProblemSource.EMBEDDED) {
      assertTrue(ProblemSource.embedded(name).orElseThrow().stream().noneMatch(p -> trained.contains(p.question())), name);
    }
  }
}
