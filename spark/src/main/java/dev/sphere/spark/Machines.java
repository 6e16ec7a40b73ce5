package dev.sphere.spark;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.PlainFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Sees to it that all results come from one kind of machine: a worker whose kernels give other bits than the first
 * one's is refused. The first one's fingerprint stays in the run, for when it is resumed.
 */
final class Machines {
  private final Optional<Path> file;
  private String fingerprint;
  private String host;

  /** @param file where the first one's fingerprint is kept */
  Machines(Optional<Path> file) {
    this.file = file;
    if (file.isPresent() && Files.exists(file.get())) {
      try {
        JsonNode known = JsonMapper.shared().readTree(PlainFile.bytes(file.get()));
        fingerprint = known.get("fingerprint").asString();
        host = known.get("host").asString();
      } catch (IOException | RuntimeException e) {
        throw new IllegalArgumentException(file.get() + " cannot be read (" + e.getMessage() + "): delete it; the run then takes the"
            + " first worker's kind of machine");
      }
    }
  }

  /** @throws IllegalArgumentException when the worker cannot work for this run */
  void accept(Answer answer) {
    if (answer.refused() != null) {
      throw new IllegalArgumentException("worker " + answer.host() + ": " + answer.refused());
    }
    if (fingerprint == null) {
      fingerprint = answer.fingerprint();
      host = answer.host();
      byte[] bytes = JsonMapper.shared().writeValueAsBytes(Map.of("fingerprint", fingerprint, "host", host));
      file.ifPresent(path -> AtomicFile.write(path, out -> out.write(bytes)));
    }
    if (!fingerprint.equals(answer.fingerprint())) {
      throw new IllegalArgumentException("worker " + answer.host() + " computes other bits than " + host
          + ", where this run's results come from: its CPU or GPU is of another kind. Leave it out, or give it a run of its own"
          + " (--shard)");
    }
  }
}
