package dev.sphere.engine.search;

/**
 * Where a growing tree is kept. A search asks it before each expansion and tells it after, so that a search that starts
 * again with what an earlier one left behind goes on where that one stopped. In a {@link Room} for more than one chain it is called
 * from several threads at once.
 */
public interface ExpansionLog {
  /** The expansion that an earlier run left for this node; null when there is none. */
  Expansion find(String problemId, String search, String path);

  /** Keeps an expansion; when it returns, the expansion is safe. */
  void append(Expansion expansion);

  /** A search without expansions is over: so many of the tokens that it drew stand in its solutions. */
  default void used(String problemId, long tokens) {}

  /** Remembers nothing. */
  static ExpansionLog none() {
    return new ExpansionLog() {
      @Override
      public Expansion find(String problemId, String search, String path) {
        return null;
      }

      @Override
      public void append(Expansion expansion) {}
    };
  }
}
