package dev.sphere.engine.decode;

import dev.sphere.base.InFlight;
import dev.sphere.bindings.llama.Adapter;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.KvType;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Reads given texts with a model, or a model with a LoRA adapter: log-probabilities of tokens, or the final hidden
 * state.
 *
 * <p>Texts that begin alike share what they begin with. In one call ({@link #score}: the pairs of a tree) every unique
 * token is computed once. Calls of {@link #read} step together, and a text that continues one that was read before
 * starts from its KV cells, so a new step costs its own tokens: what process reward models need. Logits exist for one
 * micro-batch at a time. On the CPU what is read depends on model and text alone, bit for bit, and is what the rollout
 * engine records when it draws the same tokens, for the reasons that {@link BatchedPolicy} gives.
 *
 * <p>Thread-safe; calls block. Closing fails calls that wait, frees the contexts, then the adapter and the model if
 * {@link #open} loaded them; closing twice is harmless.
 */
public final class Scorer implements AutoCloseable {
  /**
   * A completion to score.
   *
   * @param prompt the context, not empty
   * @param completion the tokens whose log-probabilities are wanted
   */
  public record Row(int[] prompt, int[] completion) {}

  /**
   * A text and what is wanted of it.
   *
   * @param tokens the text, at least one token
   * @param positions for each target the token's index at whose output it is predicted, in ascending order
   * @param targets for each position the token whose log-probability is wanted, or a {@link #rank}
   */
  public record Text(int[] tokens, int[] positions, int[] targets) {
    public Text {
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

    /** The target that stands for a position's likeliest token (rank 1), its second likeliest (rank 2), and so on. */
    public static int rank(int rank) {
      return -rank;
    }

    /** The last token's hidden state, or its log-probabilities of some tokens. */
    public static Text atEnd(int[] tokens, int... targets) {
      int[] positions = new int[targets.length];
      Arrays.fill(positions, tokens.length - 1);
      return new Text(tokens, positions, targets);
    }

    /** The log-probabilities of all tokens from index {@code from}, at least 1, on. */
    public static Text continuation(int[] tokens, int from) {
      int n = tokens.length - from;
      int[] positions = new int[n];
      for (int i = 0; i < n; i++) {
        positions[i] = from + i - 1;
      }
      return new Text(tokens, positions, Arrays.copyOfRange(tokens, from, tokens.length));
    }
  }

  /**
   * The result of reading a text.
   *
   * @param logProbs natural log-probability of each target
   * @param tokens the token of each target: where a rank was wanted, the token that has it
   * @param hidden the final hidden state of the last token; null unless the scorer reads hidden states
   */
  public record Reading(float[] logProbs, int[] tokens, float[] hidden) {}

  private static final int PART = 4096; // tokens scored and reported together: some seconds of a large model on the CPU

  private final Model model;
  private final boolean owned;
  private final Adapter adapter;
  private final boolean hidden;
  private final int limit;
  private final List<ScoreLane> lanes = new ArrayList<>();

  private Scorer(Model model, boolean owned, Adapter adapter, boolean hidden, int lanes, int threads, int cells) {
    this.model = model;
    this.owned = owned;
    this.adapter = adapter;
    this.hidden = hidden;
    this.limit = Math.min(model.trainedContext(), cells - DecodeLoop.RESERVE);
    ContextOptions shape = new ContextOptions(cells, ContextOptions.MAX_SEQUENCES, ContextOptions.INVARIANT_MICRO_BATCH,
        ContextOptions.MAX_SEQUENCES, threads, true, true, KvType.F16, hidden);
    for (int i = 0; i < lanes; i++) {
      this.lanes.add(new ScoreLane("scores-" + i, model, adapter, shape));
    }
  }

  /** A scorer with what suits model and machine; adapterFile null for none. The caller closes the model afterwards. */
  public static Scorer of(Model model, Path adapterFile) {
    BatchedPolicy.Options suits = BatchedPolicy.Options.auto(model, 0);
    return of(model, adapterFile, suits.lanes(), suits.threads(), Math.min(suits.cells(), BatchedPolicy.Options.CELLS));
  }

  /**
   * A scorer.
   *
   * @param lanes contexts that work on parts of the rows at once
   * @param threads threads in each lane
   * @param cells tokens that each lane's KV cache holds, at least 256
   */
  public static Scorer of(Model model, Path adapterFile, int lanes, int threads, int cells) {
    return start(model, false, adapterFile, false, lanes, threads, cells);
  }

  /** A scorer of a model file, with what suits it; {@code hidden}: it reads hidden states. */
  public static Scorer open(Path file, boolean hidden) {
    Model model = Model.load(file);
    try {
      BatchedPolicy.Options suits = BatchedPolicy.Options.auto(model, 0);
      return open(model, hidden, suits.withCells(Math.min(suits.cells(), BatchedPolicy.Options.CELLS)));
    } catch (Throwable e) {
      model.close();
      throw e;
    }
  }

  /** A scorer that owns {@code model}; of the options lanes, threads and cells count. */
  static Scorer open(Model model, boolean hidden, BatchedPolicy.Options options) {
    return start(model, true, null, hidden, options.lanes(), options.threads(), options.cells());
  }

  private static Scorer start(
      Model model, boolean owned, Path adapterFile, boolean hidden, int lanes, int threads, int cells) {
    if (lanes < 1 || threads < 1 || cells < 256) {
      throw new IllegalArgumentException(
          "lanes and threads must be positive, cells at least 256: " + lanes + ", " + threads + ", " + cells);
    }
    Adapter adapter = DecodeLoop.adapter(model, adapterFile, "Cannot score with " + model);
    Scorer scorer = new Scorer(model, owned, adapter, hidden, lanes, threads, cells);
    try {
      scorer.lanes.forEach(ScoreLane::start);
      return scorer;
    } catch (Throwable e) {
      scorer.close();
      throw e;
    }
  }

  /**
   * A row of text. The prompt is tokenised by the model's own rule for start tokens, special tokens in it parsed; the
   * completion is tokenised apart, and gets no end token. For an empty prompt the context of the completion's first
   * token is the model's start token, or its end token if it has none, even if it does not add them by itself.
   */
  public Row row(String prompt, String completion) {
    Vocabulary v = model.vocabulary();
    return row(v.tokenize(prompt, true, true), v.tokenize(completion, false, true));
  }

  /**
   * A row of a dialogue: as {@link #row}, but one start token where the template writes it too, and special tokens are
   * read only where the template wrote them, neither in the messages nor in the completion.
   *
   * @param rendered what a chat template gave
   */
  public Row renderedRow(MarkedText rendered, String completion) {
    Vocabulary v = model.vocabulary();
    Tokenizer tokenizer = new Tokenizer() {
      @Override
      public int[] tokenize(String text, boolean start) {
        return v.tokenize(text, start, true);
      }

      @Override
      public int[] tokenize(MarkedText text, boolean start) {
        return v.tokenize(text.text(), text.content(), start);
      }
    };
    return row(tokenizer.tokenizePrompt(rendered), tokenizer.tokenizeAnswer(completion));
  }

  private Row row(int[] prompt, int[] completion) {
    Vocabulary v = model.vocabulary();
    int[] context = prompt;
    if (context.length == 0) {
      int start = v.start() != Vocabulary.NONE ? v.start() : v.end();
      if (start == Vocabulary.NONE) {
        throw new IllegalArgumentException(
            "an empty prompt cannot be scored with " + model + ": it has no start token. Give a prompt.");
      }
      context = new int[] {start};
    }
    return new Row(context, completion);
  }

  /**
   * Scores rows. Nothing of them is kept for later calls.
   *
   * @return for each row, in order, the natural log-probability of each completion token
   * @throws IllegalArgumentException when a row has no prompt or is longer than model and cache allow; names the row
   * @throws InterruptedException when the calling thread was interrupted
   */
  public List<float[]> score(List<Row> rows) throws InterruptedException {
    return score(rows, done -> {});
  }

  /**
   * Scores rows as {@link #score(List)} does, and reports them as they are done.
   *
   * @param listener called by the calling thread whenever some rows are done: log-probabilities by the row's index
   */
  public List<float[]> score(List<Row> rows, Consumer<Map<Integer, float[]>> listener) throws InterruptedException {
    if (hidden) {
      throw new IllegalStateException("this scorer reads hidden states, not log-probabilities");
    }
    List<ScoreText> texts = new ArrayList<>();
    Map<ScoreText, Integer> places = new IdentityHashMap<>();
    for (int i = 0; i < rows.size(); i++) {
      int[] prompt = rows.get(i).prompt();
      int[] completion = rows.get(i).completion();
      int length = prompt.length + completion.length;
      if (prompt.length == 0) {
        throw new IllegalArgumentException("row " + i + " has no prompt token: begin with a start token");
      }
      if (length > limit) {
        throw new IllegalArgumentException(
            "row " + i + " has " + length + " tokens; " + model + " takes " + limit + " with this cache");
      }
      int[] tokens = Arrays.copyOf(prompt, length);
      System.arraycopy(completion, 0, tokens, prompt.length, completion.length);
      texts.add(pending(Text.continuation(tokens, prompt.length)));
      places.put(texts.getLast(), i);
    }
    List<List<ScoreText>> parts = split(sorted(texts));
    List<Integer> numbers = IntStream.range(0, parts.size()).boxed().toList();
    InFlight.run(numbers, 2 * lanes.size(), n -> { // a lane has its next part before it is done with one
      ScoreJob job = new ScoreJob(parts.get(n), false);
      lanes.get(n % lanes.size()).submit(job);
      return LoopJob.results(List.of(job));
    }, (n, nothing) -> {
      Map<Integer, float[]> done = new TreeMap<>();
      parts.get(n).forEach(t -> done.put(places.get(t), t.logProbs));
      listener.accept(done);
    });
    return texts.stream().map(t -> t.logProbs).toList();
  }

  /**
   * Reads some texts.
   *
   * @param affinity texts of the same problem name the same number, so that they meet in one cache
   * @return what was read, in order; a text longer than {@link #limit} gives null
   * @throws InterruptedException when the calling thread was interrupted
   */
  public List<Reading> read(long affinity, List<Text> texts) throws InterruptedException {
    List<ScoreText> all = texts.stream().map(t -> t.tokens().length > limit ? null : pending(t)).toList();
    ScoreJob job = new ScoreJob(sorted(all.stream().filter(Objects::nonNull).toList()), true);
    lanes.get(Math.floorMod(affinity, lanes.size())).submit(job);
    LoopJob.results(List.of(job));
    return all.stream().map(t -> t == null ? null : new Reading(t.logProbs, t.found, t.state)).toList();
  }

  private ScoreText pending(Text text) {
    return new ScoreText(text.tokens(), text.positions(), text.targets(), hidden);
  }

  private static List<ScoreText> sorted(List<ScoreText> texts) {
    return texts.stream().sorted(Comparator.comparing(t -> t.tokens, Arrays::compare)).toList();
  }

  /**
   * Cuts the sorted texts into parts of about as many tokens, some {@link #PART}, and at least one for each lane; never
   * where the next one begins alike.
   */
  private List<List<ScoreText>> split(List<ScoreText> sorted) {
    long total = sorted.stream().mapToLong(t -> t.tokens.length).sum();
    long most = Math.max(lanes.size(), total / PART);
    List<List<ScoreText>> parts = new ArrayList<>();
    long done = 0;
    int from = 0;
    for (int i = 0; i < sorted.size(); i++) {
      done += sorted.get(i).tokens.length;
      boolean last = i + 1 == sorted.size();
      boolean full = done * most >= total * (parts.size() + 1L);
      if (last || (full && !sorted.get(i).sameContext(sorted.get(i + 1)))) {
        parts.add(sorted.subList(from, i + 1));
        from = i + 1;
      }
    }
    return parts;
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
    return lanes.stream().mapToLong(ScoreLane::tokens).sum();
  }

  @Override
  public void close() {
    List<AutoCloseable> parts = new ArrayList<>(lanes);
    parts.add(adapter);
    parts.add(owned ? model : null);
    DecodeLoop.closeAll(parts);
  }
}
