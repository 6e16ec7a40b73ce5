package dev.sphere.engine.run;

import dev.sphere.base.HeldFiles;
import dev.sphere.base.Sha256;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.BatchedPolicy;
import java.nio.ByteBuffer;
import java.util.List;

/** The models of a process that works for another one's run. Safe for many threads, but for closing. */
public final class Worker implements AutoCloseable {
  private final HeldFiles files;
  private final WorkerPlan.Models models;

  Worker(HeldFiles files, WorkerPlan.Models models) {
    this.files = files;
    this.models = models;
  }

  /**
   * Does one task.
   *
   * @param task a checked line
   * @return checked lines
   * @throws dev.sphere.base.FileChangedException when a model's file has changed since it was opened
   */
  public byte[] work(byte[] task) throws InterruptedException {
    byte[] lines = models.work(task);
    files.requireUnchanged();
    return lines;
  }

  /**
   * The SHA-256 of the bits of some log-probabilities of the policy. Machines whose fingerprints are equal draw the
   * same tokens; one whose kernels add in another order has another.
   */
  public String fingerprint() throws InterruptedException {
    BatchedPolicy policy = models.policy();
    TokenPath path = TokenPath.root(policy.tokenize("Question: 12 * 7 + 5 = ? Answer: 12 * 7 =", true));
    Policy.Request request = new Policy.Request(new DrawKey(0, 0, 0, 0), SamplingSettings.greedy(8), StopRule.never());
    Generation made = policy.generate(path, List.of(request)).getFirst();
    ByteBuffer bits = ByteBuffer.allocate(8 * made.tokens().length);
    for (int i = 0; i < made.tokens().length; i++) {
      bits.putInt(made.tokens()[i]).putInt(Float.floatToRawIntBits(made.logProbs()[i]));
    }
    return Sha256.of(bits.array());
  }

  @Override
  public void close() {
    try (files; models) {
      // nothing but closing them, the models first
    }
  }
}
