package dev.sphere.engine.data;

import dev.sphere.engine.Problem;
import java.util.ArrayList;
import java.util.List;

/** A problem set dealt out to several processes, one problem after the other, so that each gets easy and hard ones. */
public final class Shards {
  private Shards() {}

  /**
   * The problems of one shard, in their order.
   *
   * @param problems all
   * @param shard "i/n", i from 1 to n; null: all problems
   * @throws IllegalArgumentException when the shard is none, or holds no problem
   */
  public static List<Problem> of(List<Problem> problems, String shard) {
    if (shard == null) {
      return problems;
    }
    if (!shard.matches("[1-9][0-9]{0,5}/[1-9][0-9]{0,5}")) {
      throw new IllegalArgumentException("--shard is I/N, for instance 1/2 and 2/2, not " + shard);
    }
    int slash = shard.indexOf('/');
    int number = Integer.parseInt(shard.substring(0, slash));
    int count = Integer.parseInt(shard.substring(slash + 1));
    if (number > count) {
      throw new IllegalArgumentException("--shard " + shard + ": there are only " + count + " shards");
    }
    List<Problem> own = new ArrayList<>();
    for (int i = number - 1; i < problems.size(); i += count) {
      own.add(problems.get(i));
    }
    if (own.isEmpty()) {
      throw new IllegalArgumentException("--shard " + shard + " of " + problems.size() + " problems is empty");
    }
    return own;
  }
}
