package dev.sphere.spark;

import java.io.Serializable;
import java.util.ArrayList;

/**
 * What an executor gives back for some tasks.
 *
 * @param host where it ran
 * @param refused why this executor cannot work for the run; null when it can
 * @param fingerprint of the executor's kernels ({@link dev.sphere.engine.run.Worker#fingerprint}); null with a refusal
 * @param lines what came of each task; null with a refusal
 */
record Answer(String host, String refused, String fingerprint, ArrayList<byte[]> lines) implements Serializable {
  static Answer refusal(String host, String reason) {
    return new Answer(host, reason, null, null);
  }
}
