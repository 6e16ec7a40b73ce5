package dev.sphere.cli.progress;

import dev.sphere.engine.run.SearchListener;
import dev.sphere.engine.stage.Progress;
import dev.sphere.engine.stage.Stage;
import java.io.PrintStream;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** A search's progress on stderr: a bar on a terminal, else a line every ten seconds. */
public final class SearchProgress implements SearchListener, AutoCloseable {
  private static final double INTERVAL = 10;

  private final PrintStream err;
  private final ProgressBar bar; // null when nobody watches
  private double lastLine;

  public SearchProgress(int problems, PrintStream err, boolean terminal) {
    this.err = err;
    this.bar = !terminal ? null
        : new ProgressBarBuilder()
            .setTaskName("search")
            .setUnit(" problems", 1)
            .setInitialMax(problems)
            .setStyle(ProgressBarStyle.ASCII)
            .setUpdateIntervalMillis(500)
            .setConsumer(new ConsoleProgressBarConsumer(err, 110))
            .build();
  }

  @Override
  public void accept(Progress p) {
    if (bar != null) {
      bar.stepTo(p.done());
      bar.setExtraMessage(words(p));
    } else if (p.seconds() - lastLine >= INTERVAL) {
      lastLine = p.seconds();
      String left = Double.isNaN(p.secondsLeft()) ? "" : String.format(", %.0f s left", p.secondsLeft());
      err.println("search: " + p.done() + "/" + p.problems() + " problems, " + words(p) + left);
    }
  }

  @Override
  public void note(String line) {
    err.println("search: " + line);
  }

  private static String words(Progress p) {
    return String.format(
        "pairs %d+%d+%d, %.0f tokens/s",
        p.pairs().get(Stage.GENERATION), p.pairs().get(Stage.CORRECTION), p.pairs().get(Stage.DIVERSITY),
        p.tokensPerSecond());
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
