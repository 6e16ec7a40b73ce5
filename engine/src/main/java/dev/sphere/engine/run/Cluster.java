package dev.sphere.engine.run;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Other machines that work for this process. An implementation is found by {@link java.util.ServiceLoader}: the engine
 * knows none.
 */
public interface Cluster extends AutoCloseable {
  /** In a run's folder: which kind of machine its results come from. */
  String KIND = "workers.json";

  /** Makes clusters. */
  interface Source {
    /**
     * A cluster; nothing is started before its first crew.
     *
     * @param master its address, as the kind of cluster writes it
     * @param name what is done on it, for its own pages
     */
    Cluster at(String master, String name);
  }

  /** Machines that do tasks of one kind. */
  interface Crew {
    /** Most tasks that are worked on at once, about; for forecasts. */
    int slots();

    /**
     * Does all tasks. What comes of a task depends on the task alone, so one that is done twice, elsewhere or again, harms
     * nothing.
     *
     * @param what is done, for the cluster's own pages: "search"
     * @param tasks as {@link Worker#work} takes them; asked for while others are worked on
     * @param most tasks that may go to a machine as one: more in flight there, but they come back together
     * @param done given what came of each task once, in any order, of as many at a time as have come, from the calling thread
     * @throws InterruptedException when the calling thread was interrupted; what is under way is given up
     * @throws RuntimeException a failure that trying again did not mend; what was given stays
     */
    void run(String what, List<byte[]> tasks, int most, Consumer<List<byte[]>> done) throws InterruptedException;
  }

  /**
   * Those who do the tasks of a command.
   *
   * @param command the command line from which each makes its {@link Worker}
   * @param identity what the results are made from; one that would make others is refused
   * @param kind the file that says which kind of machine the results come from; written when it is not there. Null: this crew's
   *     first machine decides, for as long as it works
   */
  Crew crew(List<String> command, Map<String, String> identity, Path kind);

  @Override
  void close();
}
