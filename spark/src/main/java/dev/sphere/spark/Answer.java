package dev.sphere.spark;

import java.io.Serializable;

/**
 * What an executor gives back for a task.
 *
 * @param host where it ran
 * @param refused why this executor cannot work for the run; null when it can
 * @param fingerprint of the executor's kernels ({@link dev.sphere.engine.run.OpenSearch#fingerprint}); null with a refusal
 * @param lines what is recorded of the problem ({@link dev.sphere.engine.store.RecordLines}); null with a refusal
 */
record Answer(String host, String refused, String fingerprint, byte[] lines) implements Serializable {
  static Answer refusal(String host, String reason) {
    return new Answer(host, reason, null, null);
  }
}
