package dev.sphere.engine.decode;

import dev.sphere.bindings.kernel.Draws;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import java.util.ArrayList;
import java.util.List;

/** Rollouts that draw from rows of logits, and what is drawn. */
final class RowDraws implements AutoCloseable {
  private static final int IN_CACHE = 16_384; // logits; a row of so many is walked faster than other threads are woken

  private final Model model;
  private final int threads;
  private final Draws draws = new Draws(2 * ContextOptions.MAX_SEQUENCES);
  private final List<Rollout> rollouts = new ArrayList<>();
  private final int[] rows = new int[ContextOptions.MAX_SEQUENCES]; // of each rollout

  RowDraws(Model model, int threads) {
    this.model = model;
    this.threads = model.vocabulary().size() < IN_CACHE ? 1 : threads;
  }

  void clear() {
    rollouts.clear();
  }

  /** Lets a rollout draw from a row of the logits. */
  void add(Rollout rollout, int row) {
    rows[rollouts.size()] = row;
    rollouts.add(rollout);
  }

  List<Rollout> rollouts() {
    return rollouts;
  }

  /**
   * Draws for every request that the rollouts stand for, in order.
   *
   * @param logits [rows x vocabulary]
   * @return how many draws these are
   * @throws LlamaException when nothing can be drawn from a row; names model, token and position
   */
  int sample(NativeFloats logits) {
    draws.clear();
    for (int n = 0; n < rollouts.size(); n++) {
      Rollout r = rollouts.get(n);
      for (int i = 0; i < r.requests(); i++) {
        add(rows[n], r.job.requests.get(r.request(i)), r.drawn());
      }
    }
    try {
      draws.sample(logits, model.vocabulary().size(), threads);
    } catch (LlamaException e) {
      throw new LlamaException(e.getMessage() + " Model: " + model + ", " + culprit(logits) + ".");
    }
    return draws.size();
  }

  private void add(int row, Request request, int index) {
    DrawKey key = request.key();
    SamplingSettings s = request.sampling();
    draws.add(
        row, key.seed(), key.problem(), key.node(), key.draw(), index, s.temperature(), s.topK(), s.topP(), s.minP());
  }

  int token(int draw) {
    return draws.token(draw);
  }

  float logProb(int draw) {
    return draws.logProb(draw);
  }

  /** The token after which nothing can be drawn: its logits hold NaN, or no finite number. */
  private String culprit(NativeFloats logits) {
    float[] values = new float[model.vocabulary().size()];
    for (int n = 0; n < rollouts.size(); n++) {
      logits.read((long) rows[n] * values.length, values);
      float most = Float.NEGATIVE_INFINITY; // Math.max keeps NaN
      for (float value : values) {
        most = Math.max(most, value);
      }
      if (Float.isNaN(most) || most == Float.NEGATIVE_INFINITY) {
        Rollout r = rollouts.get(n);
        int last = r.length() - 1;
        return "after token " + r.token(last) + " at position " + last + " of a sequence";
      }
    }
    return rollouts.size() + " sequences";
  }

  @Override
  public void close() {
    draws.close();
  }
}
