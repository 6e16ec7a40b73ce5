package dev.sphere.engine.run;

import dev.sphere.engine.Workers;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Other machines that work for this process. An implementation is found by {@link java.util.ServiceLoader}: the engine
 * knows none.
 */
public interface Cluster extends AutoCloseable {
  /** The file in a run's folder that names the kind of machine its results come from. */
  String KIND = "workers.json";

  /** Makes clusters. */
  interface Source {
    /**
     * A cluster; nothing is started before its first task.
     *
     * @param master its address, as the kind of cluster writes it
     * @param name of the work, for the cluster's own pages
     */
    Cluster at(String master, String name);
  }

  /**
   * Tasks of one kind.
   *
   * @param name of the work, for the cluster's own pages: "search"
   * @param command the command line of which each machine makes its {@link WorkerPlan}
   * @param identity what the results are made from; a machine that would make others is refused
   * @param kind the file that names the kind of machine the results come from; written when it is not there. Without
   *     it the first machine decides, as long as these workers are in use
   * @param together tasks that may go to a machine as one, at most: they come back together
   * @param send a task as bytes, as {@link WorkerPlan.Models#work} takes it
   * @param receive a result of what {@link WorkerPlan.Models#work} returned
   */
  record Job<T, R>(String name, List<String> command, Map<String, String> identity, Optional<Path> kind, int together,
      Function<T, byte[]> send, Function<byte[], R> receive) {}

  /** The machines as workers. They open their models at the first task. */
  <T, R> Workers<T, R> workers(Job<T, R> job);

  @Override
  void close();

  /**
   * A cluster whose machines open the models of a command line.
   *
   * @param kind see {@link Job#kind}
   */
  record Remote(Cluster cluster, List<String> command, Optional<Path> kind) {
    /** Workers for tasks of one kind; the parameters are those of {@link Job}. */
    public <T, R> Workers<T, R> workers(String name, Map<String, String> identity, int together,
        Function<T, byte[]> send, Function<byte[], R> receive) {
      return cluster.workers(new Job<>(name, command, identity, kind, together, send, receive));
    }
  }
}
