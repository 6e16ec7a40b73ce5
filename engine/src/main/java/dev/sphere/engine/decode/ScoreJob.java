package dev.sphere.engine.decode;

import java.util.List;

/** Texts that one caller waits for, on their way through a {@link ScoreLane}; they are begun in order. */
final class ScoreJob extends LoopJob<Void> {
  final boolean continued; // these texts are likely to be continued: they stay in the cache
  private final List<ScoreText> texts;
  private int next;
  private int open; // texts that are not done

  /** @param sorted the texts in the order of their tokens, so that what begins alike stands together */
  ScoreJob(List<ScoreText> sorted, boolean continued) {
    this.texts = sorted;
    this.continued = continued;
    ScoreText.link(sorted);
    for (ScoreText text : sorted) {
      text.job = this;
      open += text.computesNothing() ? 0 : 1;
    }
    if (open == 0) {
      finish();
    }
  }

  /** The text that is begun next; null when all were. */
  ScoreText next() {
    while (next < texts.size() && texts.get(next).computesNothing()) {
      next++;
    }
    return next < texts.size() ? texts.get(next) : null;
  }

  /** The next text was begun. */
  void begun() {
    if (next > 0) {
      texts.get(next - 1).followed = true;
    }
    next++;
  }

  void done() {
    if (--open == 0) {
      finish();
    }
  }

  private void finish() {
    for (int i = 1; i < texts.size(); i++) {
      texts.get(i).copyFrom(texts.get(i - 1));
    }
    result.complete(null);
  }
}
