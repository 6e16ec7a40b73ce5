package dev.sphere.engine.run;

import dev.sphere.engine.stage.Workers;
import dev.sphere.engine.store.Provenance;
import java.nio.file.Path;
import java.util.List;

/**
 * Other machines that work for a run of this process. An implementation is found by {@link java.util.ServiceLoader}: the
 * engine knows none.
 */
public interface Cluster extends AutoCloseable {
  /** Makes clusters. */
  interface Source {
    /**
     * A cluster that works on a search.
     *
     * @param master its address, as the kind of cluster writes it
     * @param command the command line of the search, from which each worker makes the same plan
     * @param lead what the run is made from; a worker that would make another one is refused
     * @param directory the run's, where the cluster keeps what it knows of its machines
     */
    Cluster open(String master, List<String> command, Provenance lead, Path directory);
  }

  Workers workers();

  @Override
  void close();
}
