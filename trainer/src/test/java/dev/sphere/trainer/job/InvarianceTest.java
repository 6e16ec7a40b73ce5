package dev.sphere.trainer.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.data.Packing;
import dev.sphere.trainer.data.Packing.Sharing;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.optim.OptimizerSettings;
import dev.sphere.trainer.optim.Schedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * From file to file with whole (tiny, random) models: a batch of 8 at once is a batch of 8 micro-batches of 1, to
 * rounding, and the same run again has the same bits.
 */
class InvarianceTest {
  private static final int ROWS = 8;

  @TempDir
  Path folder;

  private Path pairs;
  private Path steps;

  @BeforeEach
  void rows() throws IOException {
    StringBuilder p = new StringBuilder();
    StringBuilder s = new StringBuilder();
    for (int i = 0; i < ROWS; i++) {
      int a = i / 2 + 2; // two rows a prompt, so that trees share it
      p.append("{\"prompt\":\"What is %d+%d?\\n\",\"chosen\":\"It is %d.\",\"rejected\":\"It is %d, or%s.\"}%n"
          .formatted(a, a, 2 * a, 2 * a + 1, " so".repeat(i + 1)));
      s.append("{\"prompt\":\"What is %d+%d?\\n\",\"completions\":[\"It is %d\"],\"labels\":[%s]}%n"
          .formatted(a, a, 2 * a + i % 2, i % 2 == 0));
    }
    pairs = Files.writeString(folder.resolve("pairs.jsonl"), p);
    steps = Files.writeString(folder.resolve("steps.jsonl"), s);
  }

  private TrainTask task(String name) {
    return switch (name) {
      case "sft" -> new TrainTask.Prefer(pairs, LossSettings.of(List.of("sigmoid", "sft"), List.of(1.0, 0.5)));
      case "aot" -> new TrainTask.Prefer(pairs, LossSettings.of(List.of("aot"), List.of()).withLdAlpha(0.5));
      case "wpo" -> new TrainTask.Prefer(pairs, LossSettings.defaults().withWpo(true));
      case "prm" -> new TrainTask.Judge(steps, null, PrmForm.tokens(), "\n");
      default -> throw new IllegalArgumentException(name);
    };
  }

  /** One step of plain SGD, so that what comes out is the start less the gradient. */
  private List<float[]> step(Path model, String run, TrainTask task, Tuning tuning, Packing packing) {
    TrainSettings settings = TrainSettings.defaults(1)
        .withOptimizer(OptimizerSettings.sgd(1, 0).withMaxGradNorm(0))
        .withSchedule(new Schedule(Schedule.Kind.CONSTANT, 0))
        .withPacking(packing).withBatchSize(ROWS).withMaxSteps(1).withThreads(2);
    Path out = TrainJob.of(model, folder.resolve(run), settings)
        .withTuning(tuning).run(task, TrainingListener.NONE, () -> false).artefact();
    return tensors(out);
  }

  /** The tensors that one step changes: adapters' B (A's gradient is 0 while B is), or all of a model. */
  private static List<float[]> tensors(Path gguf) {
    try (GgufFile file = GgufFile.open(gguf)) {
      return file.tensors().keySet().stream().filter(name -> !name.endsWith(".lora_a")).map(file::readFloats).toList();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "tiny-qwen2,sft,true", "tiny-qwen2,aot,true", "tiny-qwen2,wpo,false", "tiny-qwen2,prm,false", "tiny-llama,sft,false",
    "tiny-phi3,sft,true", "tiny-qwen3,aot,false", "tiny-llama,prm,true"})
  void eightAtOnceAreEightOneByOne(String shape, String what, boolean lora) {
    Path model = folder.resolve("model.gguf");
    RandomModel.write(RandomModel.like(shape), ByteVocabulary.metadata(), GgmlType.F32, 5, model);
    Tuning tuning = lora ? Tuning.lora(4, 8) : Tuning.full();
    Packing whole = Packing.defaults();
    List<float[]> once = step(model, "whole", task(what), tuning, whole);
    List<float[]> again = step(model, "again", task(what), tuning, whole);
    List<float[]> alone = step(model, "alone", task(what), tuning, whole.withMicroBatchTokens(1));
    List<float[]> plain = step(model, "plain", task(what), tuning, whole.withSharing(Sharing.NONE));
    // An adapter's B starts at 0; the artefact of a process reward model is whole.
    List<float[]> start = lora && !what.equals("prm") ? null : tensors(model);
    double largest = 0;
    double off = 0;
    for (int t = 0; t < once.size(); t++) {
      for (int i = 0; i < once.get(t).length; i++) {
        assertEquals(once.get(t)[i], again.get(t)[i], "determinism");
        largest = Math.max(largest, Math.abs(once.get(t)[i] - (start == null ? 0 : start.get(t)[i])));
        off = Math.max(off, Math.abs(once.get(t)[i] - alone.get(t)[i]));
        off = Math.max(off, Math.abs(once.get(t)[i] - plain.get(t)[i]));
      }
    }
    assertTrue(largest > 1e-4, "the step moves something: " + largest);
    assertTrue(off <= 1e-5 * largest, "the step moves by up to " + largest + ", the three differ by " + off);
  }
}
