package dev.sphere.engine.decode;

import dev.sphere.base.FreeMemory;
import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.llama.Adapter;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.KvType;
import dev.sphere.bindings.llama.MemoryEstimate;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.TreeDecoder;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Generation.Finish;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.prompt.ChatTemplate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A policy that llama.cpp computes: a model, or a model with a LoRA adapter. This is the rollout engine.
 *
 * <p>Callers block in {@link #generate}; one or more decode loops, each a thread with a context of its own, step all
 * their rollouts together. Prompt and steps stand in the KV cache once for all that descends from them. Of a small
 * model with at most 4,096 tokens in its vocabulary a lane also keeps the latest logits, 16 MiB: what is drawn after
 * the same tokens again is not computed again.
 *
 * <p><b>What is exact.</b> On a CPU with AVX2, AVX-512 and VNNI, or NEON, with weights of any type (but with {@code
 * --activations int8} rare ones, IQ2_XS for instance), tokens and log-probabilities depend on model, adapter, path and
 * request alone, bit for bit: not on lanes, threads, slots, cache size, what shares a batch, or timing. The reasons:
 * attention over a path's cells in the order of positions and products that sum one row as they sum many ({@link
 * dev.sphere.bindings.kernel.AttentionKernel}; with ggml's own kernels 2 to 63 tokens a step), no repacked weights, and
 * random numbers that are a function of the key. The one setting that counts is the longest sequence, since generations
 * end there.
 *
 * <p>Thread-safe. Closing ends the loops, fails calls that wait, frees the contexts, then the adapter and the model if
 * {@link #open} loaded them; closing twice is harmless.
 */
public final class BatchedPolicy implements Policy, AutoCloseable {
  /**
   * Shape of the engine.
   *
   * @param lanes decode loops, each with a context of its own
   * @param threads threads that compute in each lane
   * @param slots rollouts that step together in a lane, 1 to {@link #MOST_SLOTS}; more wait
   * @param cells tokens that each lane's KV cache holds, at least 256
   * @param maxSequence longest sequence, path and generation together; 0: as far as model and cache go
   */
  public record Options(int lanes, int threads, int slots, int cells, int maxSequence) {
    /** Cells of a large model's cache, and of a scorer's; where sequences end that the model would let grow longer. */
    static final int CELLS = 16_384;
    private static final int CELLS_A_SLOT = 512; // a prompt and half a solution; with fewer, rollouts lose their place
    // bytes, and a quarter of what is free: more is not taken for speed alone
    private static final long MOST_CACHE = 1L << 30;
    /** Most rollouts that step together in a lane: llama.cpp's sequences less some for prefixes that are kept. */
    public static final int MOST_SLOTS = ContextOptions.MAX_SEQUENCES - 32;

    public Options {
      if (lanes < 1 || threads < 1 || slots < 1 || slots > MOST_SLOTS || maxSequence < 0) {
        throw new IllegalArgumentException(
            "lanes and threads must be positive, slots 1 to " + MOST_SLOTS + ", maxSequence not negative: " + lanes
                + ", " + threads + ", " + slots + ", " + maxSequence);
      }
      if (cells < 256) {
        throw new IllegalArgumentException("a KV cache holds at least 256 tokens: " + cells);
      }
    }

    /**
     * Options that suit a model and this machine; {@code parallel} rollouts at once, 0 for as many as are efficient.
     */
    public static Options auto(Model model, int parallel) {
      return auto(model, parallel, Device.current().computesOnCores());
    }

    /** Visible for tests: {@code onCores} is false for a GPU, which wants all rollouts in one large batch. */
    static Options auto(Model model, int parallel, boolean onCores) {
      int cores = Runtime.getRuntime().availableProcessors();
      // one thread a lane beats threads that wait
      boolean small = onCores && model.parameters() < TreeDecoder.MOST_PARAMETERS;
      int lanes = small ? cores : 1;
      int wanted = parallel > 0 ? Math.ceilDiv(parallel, lanes) : small ? 32 : onCores ? 62 : 128;
      int slots = Math.clamp(wanted, 1, MOST_SLOTS);
      int cells = small ? 4096 : cells(slots, MemoryEstimate.cellBytes(model, KvType.F16), FreeMemory.bytes());
      return new Options(lanes, small ? 1 : cores, slots, cells, cells > CELLS ? CELLS - RolloutLane.RESERVE : 0);
    }

    /** Visible for tests: {@link #CELLS}, or what the slots need if it takes no more than {@link #MOST_CACHE}. */
    static int cells(int slots, double cellBytes, long free) {
      long most = (long) (Math.min(MOST_CACHE, free / 4) / cellBytes) / 256 * 256;
      return (int) Math.max(CELLS, Math.min(most, (long) Math.ceilDiv(slots, 16) * 16 * CELLS_A_SLOT));
    }

    public Options withCells(int cells) {
      return new Options(lanes, threads, slots, cells, maxSequence);
    }
  }

  private final Model model;
  private final boolean owned;
  private Adapter adapter;
  private final ChatTemplate template;
  private final int limit;
  private final int slots;
  private final RolloutLanes lanes;
  private final RolloutCounters counters = new RolloutCounters();

  private BatchedPolicy(Model model, boolean owned, Adapter adapter, ChatTemplate template, Options options) {
    this.model = model;
    this.owned = owned;
    this.adapter = adapter;
    this.template = template;
    this.slots = options.slots();
    int fits = options.cells() - RolloutLane.RESERVE;
    int wanted = options.maxSequence() == 0 ? Integer.MAX_VALUE : options.maxSequence();
    this.limit = Math.min(wanted, Math.min(fits, model.trainedContext()));
    int microBatch = ContextOptions.decodeMicroBatch();
    ContextOptions shape =
        new ContextOptions(options.cells(), Math.max(microBatch, ContextOptions.MAX_SEQUENCES), microBatch,
            sequences(slots), options.threads(), true, true, KvType.F16, false);
    List<RolloutLane> each = new ArrayList<>();
    for (int i = 0; i < options.lanes(); i++) {
      each.add(new RolloutLane("rollouts-" + i, model, adapter, shape, slots, limit, counters));
    }
    this.lanes = new RolloutLanes(each, slots);
  }

  /**
   * Sequences of a lane's cache: those that step and prefixes that are kept. With few slots not all that llama.cpp has:
   * each of its steps compares every sequence with every other.
   */
  private static int sequences(int slots) {
    return Math.min(ContextOptions.MAX_SEQUENCES, 64 + 6 * slots);
  }

  /** A policy of a model file, with options that suit it. */
  public static BatchedPolicy open(Path model) {
    return open(model, null, null, 0);
  }

  /**
   * Loads model and adapter, and starts the engine.
   *
   * @param modelFile a GGUF file
   * @param adapterFile a LoRA adapter in GGUF format; null for none
   * @param template the Jinja text that renders dialogues; null or empty for the model's own
   * @param parallel rollouts that step together; 0 for as many as are efficient
   */
  public static BatchedPolicy open(Path modelFile, Path adapterFile, String template, int parallel) {
    Model model = Model.load(modelFile);
    try {
      return start(model, true, adapterFile, ChatTemplate.of(model, template), Options.auto(model, parallel));
    } catch (Throwable e) {
      model.close();
      throw e;
    }
  }

  /** A policy over a model that the caller closes, after this policy. */
  public static BatchedPolicy of(Model model, Path adapterFile, ChatTemplate template, Options options) {
    return start(model, false, adapterFile, template, options);
  }

  private static BatchedPolicy start(
      Model model, boolean owned, Path adapterFile, ChatTemplate template, Options options) {
    ChatTemplate chosen = template != null ? template : ChatTemplate.of(model);
    Adapter adapter = DecodeLoop.adapter(model, adapterFile, "Cannot use " + model + " as a policy");
    BatchedPolicy policy = new BatchedPolicy(model, owned, adapter, chosen, options);
    try {
      policy.lanes.start();
      return policy;
    } catch (Throwable e) {
      policy.close();
      throw e;
    }
  }

  /**
   * Goes on with another adapter, as a policy does that learns. Nothing that was computed with the one before is used
   * again: no cell of the cache, the prompts' among them, and no known row.
   *
   * @throws IllegalStateException when a call is under way
   */
  public void adapt(Path adapterFile) throws InterruptedException {
    Adapter next = DecodeLoop.adapter(model, adapterFile, "Cannot use " + model + " as a policy");
    try {
      lanes.adapt(next);
    } catch (Throwable e) {
      lanes.close(); // some may have it, some not
      next.close();
      throw e;
    }
    Adapter before = adapter;
    adapter = next;
    if (before != null) {
      before.close();
    }
  }

  @Override
  public List<Generation> generate(TokenPath path, List<Request> requests) throws InterruptedException {
    if (path.length() == 0) {
      throw new IllegalArgumentException("nothing can be generated after an empty path: begin with a start token");
    }
    if (path.length() >= limit) {
      return requests.stream().map(r -> new Generation(new int[0], new float[0], "", Finish.LENGTH)).toList();
    }
    int[] tokens = path.toArray();
    List<RolloutJob> jobs = new ArrayList<>();
    for (int from = 0; from < requests.size(); from += slots) {
      RolloutJob job = new RolloutJob(tokens,
          List.copyOf(requests.subList(from, Math.min(requests.size(), from + slots))));
      jobs.add(job);
      lanes.submit(path, job);
    }
    return LoopJob.results(jobs).stream().flatMap(List::stream).toList();
  }

  @Override
  public int[] tokenize(String text, boolean start) {
    return model.vocabulary().tokenize(text, start, true);
  }

  @Override
  public int[] tokenize(MarkedText text, boolean start) {
    return model.vocabulary().tokenize(text.text(), text.content(), start);
  }

  @Override
  public String detokenize(int[] tokens) {
    return model.vocabulary().detokenize(tokens);
  }

  @Override
  public String render(List<Message> messages) {
    return template.render(messages, true);
  }

  @Override
  public MarkedText prompt(List<Message> messages) {
    return template.prompt(messages, true);
  }

  /** Longest sequence, path and generation together. */
  public int maxSequence() {
    return limit;
  }

  /** The engine's work so far, in numbers. */
  public RolloutCounters.Reading counters() {
    return counters.read();
  }

  @Override
  public long drawn() {
    return counters.drawn();
  }

  @Override
  public void close() {
    DecodeLoop.closeAll(Arrays.asList(lanes, adapter, owned ? model : null));
  }
}
