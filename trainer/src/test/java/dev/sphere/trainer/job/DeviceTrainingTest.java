package dev.sphere.trainer.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loss.LossSettings;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * DPO with a device, in JVMs of their own: every node of sphere_train.h and the optimizer run by the device's
 * kernels, the rest by ggml. The device is the emulated one, which takes the host's memory for its own, so that
 * ggml's CPU backend can stand for ggml's CUDA backend. Losses, rewards and gradient norms are those of the CPU.
 */
class DeviceTrainingTest {
  @TempDir Path dir;

  /** The child: model, pairs, folder of the run, rank of the adapter (0: all weights). */
  static final class Child {
    private Child() {}

    public static void main(String[] args) {
      int rank = Integer.parseInt(args[3]);
      TrainJob.of(Path.of(args[0]), Path.of(args[2]),
              TrainSettings.defaults(2e-3).withBatchSize(4).withMaxSteps(3).withThreads(1))
          .withTuning(rank == 0 ? Tuning.full() : Tuning.lora(rank, 8))
          .dpo(Path.of(args[1]), LossSettings.defaults(), TrainingListener.NONE, () -> false);
    }
  }

  private List<JsonNode> run(Path model, Path pairs, int rank, boolean device) throws Exception {
    Path out = dir.resolve(device ? "device" : "cpu");
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--enable-native-access=ALL-UNNAMED",
        "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path")));
    if (device) {
      command.add("-Dsphere.cuda.library=" + Path.of("../bindings/target/cmake-emulated/emulated",
          System.mapLibraryName("sphere-cuda-emulated")).toAbsolutePath());
    }
    command.addAll(List.of(Child.class.getName(), model.toString(), pairs.toString(), out.toString(), "" + rank));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("SPHERE_DEVICE", device ? "cuda" : "cpu");
    builder.environment().put("SPHERE_EMU_UNIFIED", "1");
    Process child = builder.start();
    String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, child.waitFor(), said);
    JsonMapper json = JsonMapper.builder().build();
    return Files.readAllLines(out.resolve("metrics.jsonl")).stream().map(json::readTree).toList();
  }

  @ParameterizedTest
  @CsvSource({"F32, 0", "Q8_0, 4"})
  void trainsAsTheCpuDoes(GgmlType type, int rank) throws Exception {
    Path model = dir.resolve("model.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), type, 5, model);
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 4; i++) {
      int a = i / 2 + 2;
      lines.append("{\"prompt\":\"%d+%d?\\n\",\"chosen\":\"It is %d.\",\"rejected\":\"Or so%d.\"}%n"
          .formatted(a, a, 2 * a, i));
    }
    Path pairs = Files.writeString(dir.resolve("pairs.jsonl"), lines);
    List<JsonNode> cpu = run(model, pairs, rank, false);
    List<JsonNode> device = run(model, pairs, rank, true);
    // AdamW makes the first steps of tiny gradients large, whose sign a rounded factor may turn.
    double tolerance = type == GgmlType.F32 ? 1e-4 : 2e-3;
    assertEquals(3, cpu.size());
    assertEquals(cpu.size(), device.size());
    for (int i = 0; i < cpu.size(); i++) {
      for (String name : List.of("loss", "rewards/margins", "logps/chosen", "logps/rejected", "grad_norm",
          "entropy", "mean_token_accuracy", "logits/chosen", "logits/rejected")) {
        assertTrue(device.get(i).has(name), name);
        double expected = cpu.get(i).path(name).asDouble();
        assertEquals(expected, device.get(i).path(name).asDouble(), tolerance * Math.max(1, Math.abs(expected)),
            "step " + i + ", " + name);
      }
    }
  }
}
