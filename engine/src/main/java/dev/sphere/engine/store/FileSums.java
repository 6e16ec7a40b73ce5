package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.PlainFile;
import dev.sphere.base.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/** The SHA-256 of finished files in a folder, kept in its {@code sums.jsonl}, so that damage to them is noticed. */
public final class FileSums {
  /** A file, compared with its record. */
  public enum State {
    WHOLE,
    DAMAGED,
    MISSING,
    /** Nothing was recorded of it, or the record is damaged. */
    UNKNOWN
  }

  private final Path folder;
  private final Path file;

  /** The sums of the files in a folder and below; nothing is written before {@link #put}. */
  public FileSums(Path folder) {
    this.folder = folder.toAbsolutePath().normalize();
    this.file = folder.resolve("sums.jsonl");
  }

  /** Records a file as it is now. Files outside the folder are not recorded: their owner may move them. */
  public void put(Path finished) {
    if (!finished.toAbsolutePath().normalize().startsWith(folder)) {
      return;
    }
    List<Finding> damaged = new ArrayList<>();
    Map<String, String> sums = read(damaged);
    if (sha256(finished).equals(sums.put(name(finished), sha256(finished))) && damaged.isEmpty()) {
      return;
    }
    if (!damaged.isEmpty()) {
      Damaged.copy(file);
    }
    AtomicFile.write(file, out -> {
      for (Map.Entry<String, String> sum : sums.entrySet()) {
        out.write(CheckedLines.frame(
            RecordJson.bytes(RecordJson.MAPPER.createObjectNode().put("file", sum.getKey()).put("sha256",
                sum.getValue()))));
      }
    });
  }

  /** Compares a file with its record. */
  public State state(Path finished) {
    try {
      if (!PlainFile.exists(folder, finished.toAbsolutePath())) {
        return State.MISSING;
      }
    } catch (IOException e) {
      throw new StoreException(e.getMessage(), e);
    }
    String sum = read(new ArrayList<>()).get(name(finished));
    return sum == null ? State.UNKNOWN : sum.equals(sha256(finished)) ? State.WHOLE : State.DAMAGED;
  }

  /**
   * Compares all recorded files with their records. Damage to the records is among the findings.
   *
   * @param then what opening the run does about a file that is missing or damaged
   */
  public List<Finding> check(String then) {
    List<Finding> findings = new ArrayList<>();
    read(findings).keySet().forEach(name -> {
      State state = state(folder.resolve(name));
      if (state != State.WHOLE) {
        String lost = state == State.MISSING ? "missing" : "damaged (its SHA-256 is not the recorded one)";
        findings.add(Finding.mended(file.resolveSibling(name), 0, lost, then));
      }
    });
    return findings;
  }

  private String name(Path finished) {
    return folder.relativize(finished.toAbsolutePath().normalize()).toString().replace('\\', '/');
  }

  private Map<String, String> read(List<Finding> damaged) {
    Map<String, String> sums = new TreeMap<>();
    CheckedLines.read(file, (number, from, to, object, ended) -> {
      JsonNode node = object == null ? RecordJson.MAPPER.createObjectNode() : RecordJson.parse(object);
      if (node.path("file").isString() && node.path("sha256").isString()) {
        sums.put(node.get("file").asString(), node.get("sha256").asString());
      } else {
        damaged.add(Finding.mended(file, number, "damaged", "the sum is taken again"));
      }
    });
    return sums;
  }

  private static String sha256(Path file) {
    try {
      return Sha256.of(file);
    } catch (IOException e) {
      throw new StoreException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }
}
