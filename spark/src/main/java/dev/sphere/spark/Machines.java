package dev.sphere.spark;

import dev.sphere.base.AtomicFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Sees to it that a run has the results of one kind of machine: a worker whose kernels give other bits than the first
 * one's is refused. The first one's fingerprint stays in the run, for when it is resumed.
 */
final class Machines {
  static final String FILE = "workers.json";

  private final Path file;
  private String fingerprint;
  private String host;

  Machines(Path run) {
    file = run.resolve(FILE);
    if (Files.exists(file)) {
      try {
        JsonNode known = JsonMapper.shared().readTree(Files.readAllBytes(file));
        fingerprint = known.get("fingerprint").asString();
        host = known.get("host").asString();
      } catch (IOException | RuntimeException e) {
        throw new IllegalArgumentException(file + " cannot be read (" + e.getMessage() + "): delete it; the run then takes the"
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
      AtomicFile.write(file, out -> out.write(bytes));
    }
    if (!fingerprint.equals(answer.fingerprint())) {
      throw new IllegalArgumentException("worker " + answer.host() + " computes other bits than " + host
          + ", where this run's results come from: its CPU or GPU is of another kind. Leave it out, or give it a run of its own"
          + " (--shard)");
    }
  }
}
