package dev.sphere.engine.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.gguf.GgmlType;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The hot loop allocates nothing for a token: what a lane's thread takes from the heap in a step is small and constant. */
class StepAllocationTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final int STEPS = 130;
  private static final int FEW = 4;
  private static final int MANY = 32;
  private static final long SMALLEST_OBJECT = 16;

  /** Bytes; less than a row of the model's logits, the smallest array whose length is the vocabulary's. */
  private static final long MOST = 768;

  @TempDir static Path dir;

  /** Reads what its thread, the lane's, has allocated after each step. */
  private static final class Meter implements StopRule {
    private final long[] allocated = new long[STEPS];
    private int steps;

    @Override
    public boolean stop(CharSequence text, int newFrom) {
      allocated[steps++] = THREADS.getCurrentThreadAllocatedBytes();
      return false;
    }

    @Override
    public boolean atEndToken() {
      return false;
    }

    /**
     * Bytes of a step, the median: texts and paths that outgrow their arrays double them, in one step of many.
     */
    long bytesOfStep() {
      assertEquals(STEPS, steps);
      long[] bytes = new long[STEPS - 1];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = allocated[i + 1] - allocated[i];
      }
      Arrays.sort(bytes);
      return bytes[bytes.length / 2];
    }
  }

  /** Our own decoder computes the first, llama.cpp the second. */
  @ParameterizedTest
  @ValueSource(strings = {"tiny-qwen2", "tiny-phi3"})
  void aStepAllocatesAsMuchForManySequencesAsForFew(String shape) throws Exception {
    BatchedPolicy.Options options = new BatchedPolicy.Options(1, 1, MANY, 16_384, 180);
    try (Model model = Model.load(TestModels.write(dir, shape, GgmlType.F32));
        BatchedPolicy policy = BatchedPolicy.of(model, null, null, options)) {
      for (int token = 0; token < model.vocabulary().size(); token++) {
        model.vocabulary().bytes(token); // read once, then kept
      }
      bytesOfStep(policy, 0, MANY); // to warm up
      long few = bytesOfStep(policy, 1, FEW);
      long many = bytesOfStep(policy, 2, MANY);
      String found = few + " bytes with " + FEW + " sequences, " + many + " with " + MANY;
      assertTrue(many - few < (MANY - FEW) * SMALLEST_OBJECT, found);
      assertTrue(Math.max(few, many) < MOST, found);
    }
  }

  private static long bytesOfStep(BatchedPolicy policy, int node, int sequences) throws InterruptedException {
    Meter meter = new Meter();
    List<Request> requests = new ArrayList<>();
    for (int i = 0; i < sequences; i++) {
      requests.add(
          new Request(
              new DrawKey(1, 2, node, i),
              new SamplingSettings(0.8f, i % 2 == 0 ? 0 : 40, 0.95f, 0, STEPS),
              i == 0 ? meter : new Meter()));
    }
    policy.generate(TokenPath.root(new int[] {40 + node % 20, 50, 60}), requests);
    return meter.bytesOfStep();
  }
}
