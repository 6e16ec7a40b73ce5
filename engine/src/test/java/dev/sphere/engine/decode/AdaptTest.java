package dev.sphere.engine.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.model.GgufFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A policy whose adapter is replaced draws what a policy draws that was opened with it. */
class AdaptTest {
  @TempDir Path dir;

  /** The first is computed by libsphere's decoder, the second by llama.cpp's. */
  @ParameterizedTest
  @ValueSource(strings = {"tiny-qwen2", "tiny-phi3"})
  void nothingOfTheAdapterBeforeIsUsedAgain(String like) throws Exception {
    Path file = TestModels.write(dir, like, GgmlType.F32);
    Path first = adapter(file, 1);
    Path second = adapter(file, 2);
    try (Model model = Model.load(file)) {
      List<String> ofFirst = opened(model, first);
      List<String> ofSecond = opened(model, second);
      assertNotEquals(ofFirst, ofSecond);
      for (int lanes : new int[] {1, 2}) {
        try (BatchedPolicy policy = BatchedPolicy.of(model, first, null, options(lanes))) {
          assertEquals(ofFirst, draws(policy));
          policy.adapt(second);
          assertEquals(ofSecond, draws(policy));
          assertEquals(ofSecond, draws(policy), "from cells and rows that are known");
          policy.adapt(first);
          assertEquals(ofFirst, draws(policy));
        }
      }
    }
  }

  @Test
  void notWhileSomethingIsUnderWayAndNotAfterTheEnd() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F32);
    Path adapter = adapter(file, 1);
    try (Model model = Model.load(file); var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      BatchedPolicy policy = BatchedPolicy.of(model, adapter, null, options(1));
      CountDownLatch begun = new CountDownLatch(1);
      CountDownLatch goOn = new CountDownLatch(1);
      StopRule waits = (text, newFrom) -> {
        begun.countDown();
        try {
          goOn.await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
        return false;
      };
      var drawn = threads.submit(() -> policy.generate(TokenPath.root(1, 2, 3),
          List.of(new Request(new DrawKey(1, 2, 3, 4), SamplingSettings.temperature(1, 50), waits))));
      begun.await();
      var adapted = threads.submit(() -> assertThrows(IllegalStateException.class, () -> policy.adapt(adapter)));
      Thread.sleep(50); // the change waits for the step
      goOn.countDown();
      adapted.get();
      assertThrows(Exception.class, drawn::get); // the policy was closed
      policy.close();
      assertThrows(IllegalStateException.class, () -> policy.adapt(adapter));
    }
  }

  private static BatchedPolicy.Options options(int lanes) {
    return new BatchedPolicy.Options(lanes, 1, 8, 1024, 0);
  }

  private List<String> opened(Model model, Path adapter) throws Exception {
    try (BatchedPolicy policy = BatchedPolicy.of(model, adapter, null, options(1))) {
      return draws(policy);
    }
  }

  /** Draws after one prompt, and after what was drawn. */
  private static List<String> draws(BatchedPolicy policy) throws Exception {
    int[] prompt = new Random(9).ints(40, 10, 200).toArray();
    TokenPath root = TokenPath.root(prompt);
    List<String> all = new ArrayList<>();
    for (Generation g : policy.generate(root, requests(1))) {
      all.add(Arrays.toString(g.tokens()) + Arrays.toString(g.logProbs()));
    }
    for (Generation g : policy.generate(root.extend(5, 6, 7), requests(2))) {
      all.add(Arrays.toString(g.tokens()) + Arrays.toString(g.logProbs()));
    }
    return all;
  }

  private static List<Request> requests(int node) {
    List<Request> all = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      all.add(new Request(new DrawKey(1, 2, node, i), SamplingSettings.temperature(1, 12), StopRule.never()));
    }
    return all;
  }

  private Path adapter(Path model, int seed) {
    Path path = dir.resolve("adapter-" + seed + ".gguf");
    Random random = new Random(seed);
    try (GgufFile file = GgufFile.open(model)) {
      GgufWriter writer = new GgufWriter().put("general.type", GgufValue.string("adapter"))
          .put("general.architecture", GgufValue.string(file.architecture()))
          .put("adapter.type", GgufValue.string("lora")).put("adapter.lora.alpha", GgufValue.f32(8));
      for (GgufTensor weight : file.tensors().values()) {
        if (weight.shape().size() == 2 && weight.name().startsWith("blk.")) {
          writer.tensor(weight.name() + ".lora_a", GgmlType.F32, List.of(weight.dim(0), 4L),
              gaussian(random, (int) weight.dim(0) * 4));
          writer.tensor(weight.name() + ".lora_b", GgmlType.F32, List.of(4L, weight.dim(1)),
              gaussian(random, (int) weight.dim(1) * 4));
        }
      }
      writer.write(path);
    }
    return path;
  }

  private static float[] gaussian(Random random, int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian() * 0.1f;
    }
    return values;
  }
}
