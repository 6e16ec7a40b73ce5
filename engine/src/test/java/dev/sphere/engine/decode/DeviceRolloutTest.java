package dev.sphere.engine.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.gguf.GgmlType;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Rollouts with a device, in JVMs of their own: the logits stay where the graph leaves them and the device's kernel draws
 * from there. The device is the emulated one, which takes the host's memory for its own, so that ggml's CPU backend can
 * compute the graph. The tokens are those of the CPU.
 */
class DeviceRolloutTest {
  @TempDir Path dir;

  /** The child: a line of tokens and one of log-probabilities for each generation. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) throws InterruptedException {
      var options = new BatchedPolicy.Options(1, 1, 24, 2048, 160);
      try (Model model = Model.load(Path.of(args[0]));
          BatchedPolicy policy = BatchedPolicy.of(model, null, null, options)) {
        for (int tree = 0; tree < 3; tree++) {
          int[] prompt = new int[20 + 9 * tree];
          Arrays.setAll(prompt, i -> 40 + i);
          List<Request> requests = new ArrayList<>();
          for (int i = 0; i < 12; i++) {
            var sampling = new SamplingSettings(i % 4 == 3 ? 0 : 0.9f, i % 3 == 0 ? 30 : 0, i % 2 == 0 ? 0.9f : 1, 0, 40);
            requests.add(new Request(new DrawKey(5, tree, 1, i), sampling, StopRule.never()));
          }
          for (Generation g : policy.generate(TokenPath.root(prompt), requests)) {
            System.out.println(Arrays.toString(g.tokens()));
            System.out.println(Arrays.toString(g.logProbs()));
          }
        }
      }
    }
  }

  private static List<String> run(Path model, boolean device) throws Exception {
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--enable-native-access=ALL-UNNAMED",
        "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path")));
    if (device) {
      command.add("-Dsphere.cuda.library=" + Path.of("../bindings/target/cmake-emulated/emulated",
          System.mapLibraryName("sphere-cuda-emulated")).toAbsolutePath());
    }
    command.addAll(List.of(Child.class.getName(), model.toString()));
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("SPHERE_DEVICE", device ? "cuda" : "cpu");
    builder.environment().put("SPHERE_EMU_UNIFIED", "1");
    Process child = builder.start();
    String out = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, child.waitFor(), out);
    return out.lines().toList();
  }

  private static double[] numbers(String line) {
    return Arrays.stream(line.substring(1, line.length() - 1).split(", ")).mapToDouble(Double::parseDouble).toArray();
  }

  @Test
  void theDeviceDrawsTheTokensOfTheCpu() throws Exception {
    Path model = TestModels.write(dir, "tiny-qwen2", GgmlType.F32);
    List<String> cpu = run(model, false);
    List<String> device = run(model, true);
    assertEquals(2 * 3 * 12, cpu.size());
    assertEquals(cpu.size(), device.size());
    boolean other = false;
    for (int i = 0; i < cpu.size(); i += 2) {
      assertEquals(cpu.get(i), device.get(i), "tokens of generation " + i / 2);
      double[] here = numbers(cpu.get(i + 1));
      double[] there = numbers(device.get(i + 1));
      for (int k = 0; k < here.length; k++) {
        assertEquals(here[k], there[k], 1e-5);
        other |= here[k] != there[k];
      }
    }
    assertTrue(other, "not one rounding differs: was it the device's kernel that drew?");
  }
}
