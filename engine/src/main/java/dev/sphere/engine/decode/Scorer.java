package dev.sphere.engine.decode;

import dev.sphere.bindings.Adapter;
import dev.sphere.bindings.ContextOptions;
import dev.sphere.bindings.LlamaException;
import dev.sphere.bindings.Model;
import dev.sphere.bindings.Vocabulary;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * Log-probabilities of given completions under a model, or a model with a LoRA adapter.
 *
 * <p>Rows that begin alike (the pairs of a tree) share what they begin with: every unique token is computed once.
 * Logits exist for one micro-batch at a time. The numbers are those that the rollout engine records when it draws the
 * same tokens, bit for bit, under the same conditions ({@link BatchedPolicy}).
 *
 * <p>Thread-safe; close is idempotent and frees the adapter.
 */
public final class Scorer implements AutoCloseable {
  /**
   * What is scored.
   *
   * @param prompt the context, not empty
   * @param completion the tokens whose log-probabilities are wanted
   */
  public record Row(int[] prompt, int[] completion) {}

  private final Model model;
  private final Adapter adapter;
  private final int lanes;
  private final int threads;
  private final int cells;

  private Scorer(Model model, Adapter adapter, int lanes, int threads, int cells) {
    this.model = model;
    this.adapter = adapter;
    this.lanes = lanes;
    this.threads = threads;
    this.cells = cells;
  }

  /** A scorer with what suits model and machine; adapterFile null for none. The caller closes the model afterwards. */
  public static Scorer of(Model model, Path adapterFile) {
    BatchedPolicy.Options suits = BatchedPolicy.Options.auto(model, 0);
    return of(model, adapterFile, suits.lanes(), suits.threads(), suits.cells());
  }

  /**
   * A scorer.
   *
   * @param lanes contexts that work on parts of the rows at once
   * @param threads threads in each lane
   * @param cells tokens that each lane's KV cache holds, at least 256
   */
  public static Scorer of(Model model, Path adapterFile, int lanes, int threads, int cells) {
    if (!model.isPlainTransformer()) {
      throw new LlamaException(
          "Cannot score with " + model + ": it is no decoder-only transformer. Use a qwen2 or llama model.");
    }
    if (lanes < 1 || threads < 1 || cells < 256) {
      throw new IllegalArgumentException(
          "lanes and threads must be positive, cells at least 256: " + lanes + ", " + threads + ", " + cells);
    }
    return new Scorer(model, adapterFile == null ? null : Adapter.load(model, adapterFile), lanes, threads, cells);
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
   * Scores rows.
   *
   * @return for each row, in order, the natural log-probability of each completion token
   * @throws IllegalArgumentException when a row has no prompt or is longer than model and cache allow; names the row
   * @throws InterruptedException when the calling thread was interrupted
   */
  public List<float[]> score(List<Row> rows) throws InterruptedException {
    int limit = Math.min(model.trainedContext(), cells - RolloutLane.RESERVE);
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      int length = row.prompt().length + row.completion().length;
      if (row.prompt().length == 0) {
        throw new IllegalArgumentException("row " + i + " has no prompt token: begin with a start token");
      }
      if (length > limit) {
        throw new IllegalArgumentException(
            "row " + i + " has " + length + " tokens; " + model + " with a cache of " + cells + " takes " + limit);
      }
    }
    float[][] results = new float[rows.size()][];
    List<List<ScoreRow>> parts = split(ScoreRow.sorted(rows, results));
    List<Future<?>> running = new ArrayList<>();
    try (var pool = Executors.newFixedThreadPool(Math.max(1, parts.size()), Thread.ofPlatform().daemon().factory())) {
      try {
        for (List<ScoreRow> part : parts) {
          running.add(pool.submit(() -> new ScorePass(model, adapter, shape(), part).run()));
        }
        for (Future<?> f : running) {
          f.get();
        }
      } catch (ExecutionException e) {
        throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
      } finally {
        pool.shutdownNow();
      }
    }
    return Stream.of(results).toList();
  }

  private ContextOptions shape() {
    return ContextOptions.invariant(cells, ContextOptions.MAX_SEQUENCES, threads);
  }

  /** Cuts the sorted rows into a part for each lane, of about as many tokens; never between rows of one prompt. */
  private List<List<ScoreRow>> split(List<ScoreRow> sorted) {
    long total = sorted.stream().mapToLong(ScoreRow::length).sum();
    List<List<ScoreRow>> parts = new ArrayList<>();
    long done = 0;
    int from = 0;
    for (int i = 0; i < sorted.size(); i++) {
      done += sorted.get(i).length();
      boolean last = i + 1 == sorted.size();
      boolean full = done * lanes >= total * (parts.size() + 1L);
      if (last || (full && !sorted.get(i).samePrompt(sorted.get(i + 1)))) {
        parts.add(sorted.subList(from, i + 1));
        from = i + 1;
      }
    }
    return parts;
  }

  @Override
  public void close() {
    if (adapter != null) {
      adapter.close();
    }
  }
}
