package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.Sha256;
import dev.sphere.engine.PreferencePair;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiConsumer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Readers' flags on a run's pairs, in {@code flags.jsonl} beside its logs. A line names a pair and its flag; a null
 * flag takes an earlier one back, and the last line about a pair counts. Lines carry checksums, and are only added. A
 * flag belongs to the pair's texts, so it holds in a run that was mended, and in one that was merged from several.
 */
public final class PairFlags {
  /** The fault of a pair. */
  public enum Flag {
    /** The chosen completion is wrong, or not the better one. */
    CHOSEN_WRONG,
    /** The two sides say the same. */
    SAME,
    /** An answer was misread. */
    MISREAD;

    /** The name in files: lower case. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException for a name that is none */
    public static Flag of(String label) {
      for (Flag flag : values()) {
        if (flag.label().equals(label)) {
          return flag;
        }
      }
      throw new IllegalArgumentException("no flag: " + label + "; there are chosen_wrong, same and misread");
    }
  }

  private PairFlags() {}

  /** Where the flags of a run's folder stand. */
  public static Path in(Path run) {
    return run.resolve("flags.jsonl");
  }

  /** The key of a pair: a hash of its texts. */
  public static String key(PreferencePair pair) {
    return key(pair.prompt(), pair.chosen(), pair.rejected());
  }

  /** The key of the pair with these texts. */
  public static String key(String prompt, String chosen, String rejected) {
    return Sha256.of((prompt + '\0' + chosen + '\0' + rejected).getBytes(StandardCharsets.UTF_8)).substring(0, 32);
  }

  /**
   * The flags of a run, by the pairs' keys; empty when there are none.
   *
   * @throws StoreException when a line is damaged: a flag must not be lost in silence
   */
  public static Map<String, Flag> read(Path run) {
    Map<String, Flag> flags = new LinkedHashMap<>();
    eachLine(run, (line, node) -> {
      String pair = node.path("pair").asString("");
      flags.remove(pair);
      if (!node.path("flag").isNull()) {
        flags.put(pair, Flag.of(node.path("flag").asString("")));
      }
    });
    return flags;
  }

  private static void eachLine(Path run, BiConsumer<byte[], JsonNode> each) {
    Path file = in(run);
    CheckedLines.read(file, (number, from, to, object, ended) -> {
      if (ended && object == null) {
        throw new StoreException(file + ", line " + number + ": damaged (its checksum does not fit); remove the line, "
            + "and set its flag again");
      } else if (ended) { // else its writer was cut off, or is still at it
        each.accept(object, RecordJson.parse(object));
      }
    });
  }

  /**
   * The flags of several runs as one file; where runs have the same pair, the last run's line about it counts.
   *
   * @return empty where there are none
   * @throws StoreException when a line of one of the runs is damaged
   */
  static byte[] merged(List<Path> runs) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    runs.forEach(run -> eachLine(run, (line, node) -> {
      all.writeBytes(line);
      all.write('\n');
    }));
    return all.toByteArray();
  }

  /** Of these pairs, those that no reader has flagged. */
  public static List<PreferencePair> unflagged(List<PreferencePair> pairs, Map<String, Flag> flags) {
    return flags.isEmpty() ? pairs : pairs.stream().filter(p -> !flags.containsKey(key(p))).toList();
  }

  /**
   * Sets or takes back a flag, and brings it to the disk.
   *
   * @param key of the pair
   * @param flag null takes it back
   */
  public static synchronized void add(Path run, String key, String problemId, String stage, Flag flag) {
    read(run); // a damaged file is not written on
    ObjectNode line = RecordJson.MAPPER.createObjectNode();
    line.put("pair", key).put("problem", problemId).put("stage", stage).put("flag", flag == null ? null : flag.label());
    line.put("time", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    Path file = in(run);
    long[] end = {0}; // of the whole lines
    CheckedLines.read(file, (number, from, to, object, ended) -> end[0] = ended ? to : end[0]);
    try (AppendLog log = AppendLog.open(file, LogFile::plain, end[0])) {
      log.append(RecordJson.bytes(line));
    }
    if (end[0] == 0) {
      forceFolder(run);
    }
  }

  private static void forceFolder(Path run) {
    try {
      AtomicFile.forceFolder(run.toAbsolutePath());
    } catch (IOException e) {
      throw new StoreException("cannot bring the flags in " + run + " to the disk: " + e.getMessage(), e);
    }
  }
}
