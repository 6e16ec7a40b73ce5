package dev.sphere.engine.search;

/**
 * The store of a growing tree. A search looks here before each expansion and appends it afterwards, so that a search
 * that starts again goes on where an earlier one stopped. In a {@link Permits} for more than one chain it is called from
 * several threads at once.
 */
public interface ExpansionLog {
  /** The expansion that an earlier run left for this node; null when there is none. */
  Expansion find(String problemId, String search, String path);

  /** Keeps an expansion; when it returns, the expansion is safe. */
  void append(Expansion expansion);

  /** A search without expansions is over; {@code tokens} of those that it drew stand in its solutions. */
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
