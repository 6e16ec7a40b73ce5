package dev.sphere.engine.run;

import dev.sphere.base.Sha256;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.BatchedPolicy;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The models of a process that works for another one's run. Thread-safe but for closing. */
public interface Worker extends AutoCloseable {
  /**
   * Does one task.
   *
   * @param task a checked line
   * @return checked lines
   * @throws dev.sphere.base.FileChangedException when a model's file has changed since it was opened
   */
  byte[] work(byte[] task) throws InterruptedException;

  /**
   * What this machine's kernels make of the policy: the SHA-256 of the bits of some log-probabilities. Machines whose
   * fingerprints are equal draw the same tokens; one whose kernels add in another order has another.
   */
  String fingerprint() throws InterruptedException;

  @Override
  void close();

  /** The fingerprint of a model. */
  static String fingerprint(BatchedPolicy policy) throws InterruptedException {
    TokenPath path = TokenPath.root(policy.tokenize("Question: 12 * 7 + 5 = ? Answer: 12 * 7 =", true));
    Policy.Request request = new Policy.Request(new DrawKey(0, 0, 0, 0), SamplingSettings.greedy(8), StopRule.never());
    Generation made = policy.generate(path, List.of(request)).getFirst();
    ByteBuffer bits = ByteBuffer.allocate(8 * made.tokens().length);
    for (int i = 0; i < made.tokens().length; i++) {
      bits.putInt(made.tokens()[i]).putInt(Float.floatToRawIntBits(made.logProbs()[i]));
    }
    return Sha256.of(bits.array());
  }

  /**
   * Compares what this process would make with what is asked for.
   *
   * @param asked names and values
   * @param here the same of this process; may have more
   * @throws IllegalArgumentException when something differs, naming it
   */
  static void requireSame(Map<String, String> asked, Map<String, String> here) {
    List<String> differences = new ArrayList<>();
    asked.forEach((name, value) -> {
      if (!value.equals(here.get(name))) {
        differences.add(name + " is " + here.get(name) + " here, not " + value);
      }
    });
    if (!differences.isEmpty()) {
      throw refusal(differences);
    }
  }

  /** What a process says that would make something else. */
  static IllegalArgumentException refusal(List<String> differences) {
    return new IllegalArgumentException("this worker would make another run: " + String.join("; ", differences)
        + ". Give all workers the same files and the same version of Sphere");
  }
}
