package dev.sphere.web.serve;

import dev.sphere.engine.decode.Scorer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * Scores the texts of many requests as trees. Texts that arrive within {@value #WINDOW_MS} ms and begin alike are one
 * job of the scorer, which computes each shared token once. What was computed is remembered for a while, since a client
 * that asks for one choice after the other sends their context each time. What is answered depends on model and text
 * alone, not on who shares the batch. Thread-safe.
 */
final class SharedScorer implements AutoCloseable {
  private static final int WINDOW_MS = 2;
  private static final int ALIKE = 16; // tokens in common from which on two texts belong to one tree
  private static final long MOST_REMEMBERED = 8L << 20; // numbers, of 4 bytes each

  /** A text that somebody waits for. */
  private static final class Wanted {
    private final int[] tokens;
    private final int from;
    private final int entries;
    private final int ranks;
    private final CompletableFuture<TokenScores> result = new CompletableFuture<>();

    Wanted(int[] tokens, int from, boolean next, int ranks) {
      this.tokens = tokens;
      this.from = from;
      this.entries = tokens.length - from + (next ? 1 : 0);
      this.ranks = ranks;
    }
  }

  /** Texts that are computed together. */
  private record Tree(List<Wanted> texts) {
    boolean beginsLike(int[] tokens) {
      return texts.stream().anyMatch(t -> alike(t.tokens, tokens));
    }
  }

  private final Scorer scorer;
  private final boolean share;
  private final BlockingQueue<Wanted> inbox = new LinkedBlockingQueue<>();
  private final LongAdder asked = new LongAdder();
  private final Thread gatherer = Thread.ofVirtual().name("serve-scores").unstarted(this::gather);

  // Guarded by this.
  private final Deque<TokenScores> remembered = new ArrayDeque<>(); // the latest first
  private long rememberedSize;
  private final List<Tree> computing = new ArrayList<>();
  private final List<Wanted> deferred = new ArrayList<>(); // begin like a tree that is computed now

  /** @param share false: every text is computed by itself, for comparisons */
  SharedScorer(Scorer scorer, boolean share) {
    this.scorer = scorer;
    this.share = share;
    gatherer.start();
  }

  private static boolean alike(int[] a, int[] b) {
    return a.length >= ALIKE && b.length >= ALIKE && Arrays.equals(a, 0, ALIKE, b, 0, ALIKE);
  }

  /** Longest text. */
  int limit() {
    return scorer.limit();
  }

  /** Tokens of all texts that were asked for. */
  long asked() {
    return asked.sum();
  }

  /** Tokens that were computed for them. */
  long computed() {
    return scorer.tokens();
  }

  /**
   * Scores a text.
   *
   * @param from the first token whose score is wanted, at least 1
   * @param next whether an entry behind the last token is wanted
   * @param ranks likeliest tokens in each place; at least 1 where {@code next} is
   * @throws InterruptedException when the caller was interrupted: nothing is computed for it any more
   */
  TokenScores score(int[] tokens, int from, boolean next, int ranks) throws InterruptedException {
    asked.add(tokens.length);
    Wanted wanted = new Wanted(tokens, from, next, ranks);
    if (share) {
      inbox.add(wanted);
    } else {
      compute(new Tree(List.of(wanted)));
    }
    try {
      return wanted.result.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
    } finally {
      wanted.result.cancel(false); // without effect on what is done
    }
  }

  private void gather() {
    try {
      while (true) {
        List<Wanted> wanted = new ArrayList<>(List.of(inbox.take()));
        TimeUnit.MILLISECONDS.sleep(WINDOW_MS);
        inbox.drainTo(wanted);
        wanted.removeIf(w -> w.result.isDone());
        trees(wanted).forEach(this::compute);
      }
    } catch (InterruptedException e) {
      // closed: whoever waits is failed by the scorer, or here
      inbox.forEach(w -> w.result.completeExceptionally(new IllegalStateException("the server ends")));
    }
  }

  /** Groups what begins alike; what begins like a tree under way waits for what that one leaves in the memory. */
  private synchronized List<Tree> trees(List<Wanted> wanted) {
    List<Tree> trees = new ArrayList<>();
    for (Wanted w : wanted) {
      if (computing.stream().anyMatch(t -> t.beginsLike(w.tokens))) {
        deferred.add(w);
        continue;
      }
      Tree tree = trees.stream().filter(t -> t.beginsLike(w.tokens)).findFirst().orElse(null);
      if (tree == null) {
        trees.add(new Tree(new ArrayList<>(List.of(w))));
      } else {
        tree.texts.add(w);
      }
    }
    computing.addAll(trees);
    return trees;
  }

  private void compute(Tree tree) {
    Thread worker = Thread.ofVirtual().unstarted(() -> {
      try {
        read(tree.texts);
      } catch (InterruptedException | RuntimeException | Error e) {
        tree.texts.forEach(w -> w.result.completeExceptionally(e));
      } finally {
        synchronized (this) {
          computing.remove(tree);
          inbox.addAll(deferred);
          deferred.clear();
        }
      }
    });
    // When everybody has left, the scorer's rows are freed.
    tree.texts.forEach(w -> w.result.whenComplete((r, e) -> {
      if (tree.texts.stream().allMatch(t -> t.result.isCancelled())) {
        worker.interrupt();
      }
    }));
    worker.start();
  }

  private void read(List<Wanted> wanted) throws InterruptedException {
    List<TokenScores> scores = new ArrayList<>();
    List<Integer> known = new ArrayList<>();
    List<Scorer.Text> texts = new ArrayList<>();
    for (Wanted w : wanted) {
      TokenScores mine = TokenScores.empty(w.tokens, w.from, w.entries, w.ranks);
      known.add(Math.max(w.from, recall(mine)));
      scores.add(mine);
      texts.add(text(mine, known.getLast()));
    }
    List<Scorer.Reading> readings = scorer.read(0, texts);
    for (int i = 0; i < wanted.size(); i++) {
      fill(scores.get(i), known.get(i), readings.get(i));
      remember(scores.get(i));
      wanted.get(i).result.complete(scores.get(i));
    }
  }

  /** The targets of the entries from {@code first} on: each entry's token, then its ranks. */
  private static Scorer.Text text(TokenScores scores, int first) {
    int[] tokens = scores.tokens();
    int each = 1 + scores.ranks();
    int entries = scores.end() - first;
    int[] positions = new int[entries * each];
    int[] targets = new int[entries * each];
    for (int e = 0; e < entries; e++) {
      int entry = first + e;
      for (int t = 0; t < each; t++) {
        positions[e * each + t] = entry - 1;
        targets[e * each + t] = t > 0 ? Scorer.Text.rank(t)
            : entry < tokens.length ? tokens[entry] : Scorer.Text.rank(1);
      }
    }
    return new Scorer.Text(tokens, positions, targets);
  }

  private static void fill(TokenScores scores, int first, Scorer.Reading reading) {
    int ranks = scores.ranks();
    int each = 1 + ranks;
    for (int e = 0; e < scores.end() - first; e++) {
      int at = first + e - scores.from();
      scores.logProbs()[at] = reading.logProbs()[e * each];
      for (int r = 0; r < ranks; r++) {
        scores.likeliest()[at * ranks + r] = reading.tokens()[e * each + 1 + r];
        scores.likeliestLogProbs()[at * ranks + r] = reading.logProbs()[e * each + 1 + r];
      }
    }
  }

  /** Takes what the memory holds of the first entries; returns the first entry that it lacks. */
  private synchronized int recall(TokenScores scores) {
    TokenScores best = null;
    int most = 0;
    for (TokenScores r : remembered) {
      int shared = r.sharedWith(scores.tokens(), scores.from(), scores.ranks());
      if (shared > most) {
        best = r;
        most = shared;
      }
    }
    if (best != null && most > scores.from()) {
      scores.copy(best, most);
    }
    return most;
  }

  private synchronized void remember(TokenScores scores) {
    if (!share || scores.tokens().length < ALIKE) {
      return;
    }
    remembered.addFirst(scores);
    rememberedSize += scores.size();
    while (rememberedSize > MOST_REMEMBERED && remembered.size() > 1) {
      rememberedSize -= remembered.removeLast().size();
    }
  }

  @Override
  public void close() {
    gatherer.interrupt();
    scorer.close();
  }
}
