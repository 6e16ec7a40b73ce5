package dev.sphere.cli;

import dev.sphere.engine.eval.Answered;
import java.util.List;
import java.util.function.Consumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** The bar of an evaluation on stderr: problems, rate, time left, and the share that is right so far. */
final class EvalProgress implements Consumer<List<Answered>>, AutoCloseable {
  private final ProgressBar bar;
  private int answers;
  private int right;

  EvalProgress(int problems) {
    bar = new ProgressBarBuilder().setTaskName("eval").setInitialMax(problems).setStyle(ProgressBarStyle.ASCII)
        .setUnit(" problems", 1).showSpeed().setUpdateIntervalMillis(500).build();
  }

  @Override
  public void accept(List<Answered> done) {
    for (Answered a : done) {
      answers++;
      right += a.correct() ? 1 : 0;
    }
    bar.setExtraMessage(100 * right / Math.max(1, answers) + " % right");
    bar.step();
  }

  @Override
  public void close() {
    bar.close();
  }
}
