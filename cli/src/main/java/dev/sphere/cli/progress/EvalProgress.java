package dev.sphere.cli.progress;

import dev.sphere.engine.eval.Answered;
import java.io.PrintStream;
import java.util.List;
import java.util.function.Consumer;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** An evaluation's progress on stderr: a bar on a terminal, else a line every ten seconds. */
public final class EvalProgress implements Consumer<List<Answered>>, AutoCloseable {
  private static final double INTERVAL = 10;

  private final PrintStream err;
  private final int problems;
  private final long start = System.nanoTime();
  private final ProgressBar bar; // null when nobody watches
  private int done;
  private int answers;
  private int right;
  private double lastLine;

  public EvalProgress(int problems, PrintStream err, boolean terminal) {
    this.err = err;
    this.problems = problems;
    this.bar = !terminal ? null
        : new ProgressBarBuilder()
            .setTaskName("eval")
            .setUnit(" problems", 1)
            .setInitialMax(problems)
            .setStyle(ProgressBarStyle.ASCII)
            .setUpdateIntervalMillis(500)
            .setConsumer(new ConsoleProgressBarConsumer(err, 110))
            .build();
  }

  @Override
  public void accept(List<Answered> answered) {
    done++;
    for (Answered a : answered) {
      answers++;
      right += a.correct() ? 1 : 0;
    }
    String share = 100 * right / Math.max(1, answers) + " % right";
    double seconds = (System.nanoTime() - start) / 1e9;
    if (bar != null) {
      bar.stepTo(done);
      bar.setExtraMessage(share);
    } else if (seconds - lastLine >= INTERVAL) {
      lastLine = seconds;
      double left = seconds / done * (problems - done);
      err.printf("eval: %d of %d problems, %s, %.0f s left%n", done, problems, share, left);
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
