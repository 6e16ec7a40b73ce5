package dev.sphere.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/** Remembers what it is told. */
public final class ToldProgress implements Progress {
  public int first = -1; // done by an earlier run
  public int total = -1;
  public int done = -1;
  public String detail = "";
  public final List<String> notes = new ArrayList<>();

  /** Ends the work by a failure when it was told more than so often, at least {@code done} units being done. */
  public static Progress stopAfter(int tells, int done) {
    return new Progress() {
      private int told;

      @Override
      public void at(int n, Supplier<String> detail) {
        if (++told > tells && n >= done) {
          throw new IllegalStateException("stop here");
        }
      }
    };
  }

  @Override
  public void begin(String task, String unit, int done, int total) {
    first = done;
    this.total = total;
  }

  @Override
  public void at(int done, Supplier<String> detail) {
    this.done = done;
    this.detail = detail.get();
  }

  @Override
  public void note(String line) {
    notes.add(line);
  }

  /** Of a search's words: its pairs of all stages. */
  public int pairs() {
    String sum = detail.replaceFirst("pairs ([0-9+]+),.*", "$1");
    return Arrays.stream(sum.split("\\+")).mapToInt(Integer::parseInt).sum();
  }
}
