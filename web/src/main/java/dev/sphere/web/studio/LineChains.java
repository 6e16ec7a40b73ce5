package dev.sphere.web.studio;

import java.util.Arrays;

/** Where the lines of a file stand, by problem, in their order: three numbers a line and two a problem. */
final class LineChains {
  private int[] first;
  private int[] last;
  private int[] next = new int[1024];
  private long[] from = new long[1024];
  private int[] length = new int[1024];
  private int lines;

  LineChains(int problems) {
    first = new int[problems];
    last = new int[problems];
    Arrays.fill(first, -1);
    Arrays.fill(last, -1);
  }

  /** A place in a file, in bytes. */
  record Place(long from, int length) {}

  void add(int problem, long at, int bytes) {
    if (lines == next.length) {
      int more = lines + (lines >> 1);
      next = Arrays.copyOf(next, more);
      from = Arrays.copyOf(from, more);
      length = Arrays.copyOf(length, more);
    }
    next[lines] = -1;
    from[lines] = at;
    length[lines] = bytes;
    if (first[problem] < 0) {
      first[problem] = lines;
    } else {
      next[last[problem]] = lines;
    }
    last[problem] = lines++;
  }

  int count(int problem) {
    int n = 0;
    for (int i = first[problem]; i >= 0; i = next[i]) {
      n++;
    }
    return n;
  }

  /** The problem's lines after the first {@code skipped}. */
  Place[] of(int problem, int skipped) {
    Place[] places = new Place[Math.max(0, count(problem) - skipped)];
    int at = -skipped;
    for (int i = first[problem]; i >= 0; i = next[i], at++) {
      if (at >= 0) {
        places[at] = new Place(from[i], length[i]);
      }
    }
    return places;
  }
}
