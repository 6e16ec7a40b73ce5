package dev.sphere.spark;

import dev.sphere.engine.run.Cluster;
import dev.sphere.engine.store.Provenance;
import java.nio.file.Path;
import java.util.List;

/** Finds Spark as a cluster. */
public final class SparkSource implements Cluster.Source {
  @Override
  public Cluster open(String master, List<String> command, Provenance lead, Path directory) {
    return SparkCluster.open(master, command, lead, directory);
  }
}
