package dev.sphere.spark;

import dev.sphere.engine.run.Cluster;

/** Finds Spark as a cluster. */
public final class SparkSource implements Cluster.Source {
  @Override
  public Cluster at(String master, String name) {
    return new SparkCluster(master, name);
  }
}
