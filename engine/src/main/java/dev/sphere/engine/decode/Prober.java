package dev.sphere.engine.decode;

import dev.sphere.bindings.ContextOptions;
import dev.sphere.bindings.KvType;
import dev.sphere.bindings.LlamaException;
import dev.sphere.bindings.Model;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a model's outputs at given places of given texts: log-probabilities of tokens, or the final hidden state. What
 * process reward models need.
 *
 * <p>Calls block; all that is asked for at the same time steps together in one batch. A text that continues one that
 * was read before starts from its KV cells, so a new step costs its own tokens. On the CPU what is read depends on
 * model
 * and text alone, bit for bit, for the reasons that {@link BatchedPolicy} gives.
 *
 * <p>Thread-safe. Closing fails calls that wait, and frees contexts and model; closing twice is harmless.
 */
public final class Prober implements AutoCloseable {
  /**
   * A text and what is wanted of it.
   *
   * @param tokens the text, at least one token
   * @param positions for each target the token's index at whose output it is predicted, in ascending order
   * @param targets for each position the token whose log-probability is wanted
   */
  public record Probe(int[] tokens, int[] positions, int[] targets) {
    public Probe {
      if (positions.length != targets.length || tokens.length == 0) {
        throw new IllegalArgumentException(
            tokens.length + " tokens, " + positions.length + " positions, " + targets.length + " targets");
      }
      for (int i = 0; i < positions.length; i++) {
        if (positions[i] < (i == 0 ? 0 : positions[i - 1]) || positions[i] >= tokens.length) {
          throw new IllegalArgumentException("position " + positions[i] + " of " + tokens.length + " tokens");
        }
      }
    }

    /** The last token's hidden state, or its log-probabilities of some tokens. */
    public static Probe atEnd(int[] tokens, int... targets) {
      int[] positions = new int[targets.length];
      java.util.Arrays.fill(positions, tokens.length - 1);
      return new Probe(tokens, positions, targets);
    }

    /** The log-probabilities of all tokens from index {@code from}, at least 1, on. */
    public static Probe continuation(int[] tokens, int from) {
      int n = tokens.length - from;
      int[] positions = new int[n];
      int[] targets = new int[n];
      for (int i = 0; i < n; i++) {
        positions[i] = from + i - 1;
        targets[i] = tokens[from + i];
      }
      return new Probe(tokens, positions, targets);
    }

    /** The first token whose output is wanted: what stands before may come from the cache. */
    int from() {
      return positions.length == 0 ? tokens.length - 1 : positions[0];
    }

    /** Tokens that must be computed. */
    int computed() {
      return positions.length == 0 ? tokens.length : positions[positions.length - 1] + 1;
    }
  }

  /**
   * What was read.
   *
   * @param logProbs natural log-probability of each target; empty in a text that was too long
   * @param hidden the final hidden state of the last token; null unless the prober reads hidden states
   */
  public record Reading(float[] logProbs, float[] hidden) {}

  private final Model model;
  private final List<ProbeLane> lanes = new ArrayList<>();
  private final int limit;
  private boolean closed;

  private Prober(Model model, boolean hidden, BatchedPolicy.Options suits) {
    this.model = model;
    this.limit = Math.min(model.trainedContext(), suits.cells() - RolloutLane.RESERVE);
    ContextOptions shape = new ContextOptions(suits.cells(), ContextOptions.MAX_SEQUENCES,
        ContextOptions.INVARIANT_MICRO_BATCH, ContextOptions.MAX_SEQUENCES, suits.threads(), true, true, KvType.F16,
        hidden);
    for (int i = 0; i < suits.lanes(); i++) {
      lanes.add(new ProbeLane("probes-" + i, model, shape));
    }
  }

  /** A prober of a model file, with what suits it; {@code hidden}: it reads hidden states. */
  public static Prober open(Path file, boolean hidden) {
    Model model = Model.load(file);
    try {
      return open(model, hidden, BatchedPolicy.Options.auto(model, 0));
    } catch (Throwable e) {
      model.close();
      throw e;
    }
  }

  /** A prober that owns {@code model}; of the options lanes, threads and cells count. */
  static Prober open(Model model, boolean hidden, BatchedPolicy.Options options) {
    if (!model.isPlainTransformer()) {
      throw new LlamaException("Cannot read " + model + ": it is no decoder-only transformer.");
    }
    Prober prober = new Prober(model, hidden, options);
    try {
      prober.lanes.forEach(ProbeLane::start);
      return prober;
    } catch (Throwable e) {
      prober.lanes.forEach(ProbeLane::close);
      throw e;
    }
  }

  /**
   * Reads some texts.
   *
   * @param affinity texts of the same problem name the same number, so that they meet in one cache
   * @return what was read, in order; a text longer than {@link #limit} gives null
   * @throws InterruptedException when the calling thread was interrupted
   */
  public List<Reading> read(long affinity, List<Probe> probes) throws InterruptedException {
    ProbeLane lane = lanes.get(Math.floorMod(affinity, lanes.size()));
    List<ProbeJob> jobs = new ArrayList<>();
    for (Probe probe : probes) {
      ProbeJob job = new ProbeJob(probe);
      jobs.add(job);
      if (probe.tokens().length > limit) {
        job.result.complete(null);
      } else {
        lane.submit(job);
      }
    }
    return LoopJob.results(jobs);
  }

  public Model model() {
    return model;
  }

  /** Longest text. */
  public int limit() {
    return limit;
  }

  /** Tokens computed so far; what came from the cache does not count. */
  public long tokens() {
    return lanes.stream().mapToLong(ProbeLane::tokens).sum();
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    try {
      DecodeLoop.closeAll(lanes);
    } finally {
      model.close();
    }
  }
}
