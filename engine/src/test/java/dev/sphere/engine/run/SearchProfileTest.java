package dev.sphere.engine.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.grade.AnswerGrader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A recording of real rollouts: the parts are all there and make up the whole. */
class SearchProfileTest {
  @TempDir Path dir;

  @Test
  void partsAddUpToTheLoopsTime() throws Exception {
    Path gguf = dir.resolve("tiny.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.BF16, 1, gguf);
    Path jfr = dir.resolve("profile.jfr");
    int drawn = 0;
    SearchProfile.Summary summary;
    try (SearchProfile profile = SearchProfile.start(jfr);
        Model model = Model.load(gguf);
        BatchedPolicy policy =
            BatchedPolicy.of(
                model, null, ChatTemplate.PLAIN, new BatchedPolicy.Options(1, 1, 4, 256, 0))) {
      for (int i = 0; i < 3; i++) {
        DrawKey key = new DrawKey(i, 1, 1, 0);
        Request request = new Request(key, SamplingSettings.temperature(1, 9), StopRule.never());
        drawn += policy.generate(TokenPath.root(i, 2, 3, 4, 5, 6), List.of(request)).getFirst().tokens().length;
      }
      assertTrue(new AnswerGrader().grade("7", "#### 7").equal());
      summary = profile.stop();
    }
    assertTrue(Files.size(jfr) > 0);
    assertEquals(1, summary.loops());
    assertEquals(
        List.of("prefill", "decode", "sampling", "cache", "idle", "bookkeeping"),
        summary.loopParts().stream().map(SearchProfile.Part::name).toList());
    assertEquals(drawn, part(summary, "sampling").amount());
    // The first token of a generation is drawn from the prompt's last one; a lone token is computed beside a dummy.
    assertTrue(part(summary, "decode").amount() >= drawn, summary.toString());
    assertEquals(3 * 5, part(summary, "prefill").amount());
    double all = summary.loopParts().stream().mapToDouble(summary::share).sum();
    assertEquals(1, all, 0.02);
    assertEquals(1, summary.besideParts().getFirst().events());
    assertTrue(summary.lines().getFirst().contains("1 rollout loop,"), summary.lines().getFirst());
  }

  private static SearchProfile.Part part(SearchProfile.Summary summary, String name) {
    return summary.loopParts().stream().filter(p -> p.name().equals(name)).findFirst().orElseThrow();
  }
}
