package dev.sphere.trainer.rl;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.PlainFile;
import dev.sphere.base.SplitMix;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Problem;
import dev.sphere.engine.store.CheckedLines;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Scores of solutions. Those of a foreign command are written down before they are used, so that a resumed run has the
 * same where the command would give others: {@code rewards.jsonl}, lines with checksums.
 */
final class Rewards implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.shared();

  /** A scored solution; of its text there is a hash. */
  private record Key(int update, String problem, long solution) {}

  private final OutcomeReward outcome;
  private final Map<Key, Double> known = new HashMap<>();
  private final FileChannel channel; // null: scores that follow from the solution are not written down

  /**
   * @param folder the run's
   * @param keeps whether scores are written down
   */
  Rewards(OutcomeReward outcome, Path folder, boolean keeps) {
    this.outcome = outcome;
    if (!keeps) {
      channel = null;
      return;
    }
    Path file = folder.resolve("rewards.jsonl");
    List<byte[]> whole = new ArrayList<>();
    CheckedLines.read(file, (number, from, to, object, ended) -> {
      if (object != null && ended) {
        JsonNode row = JSON.readTree(object);
        known.put(new Key(row.path("update").asInt(), row.path("problem").asString(), row.path("solution").asLong()),
            row.path("score").asDouble());
        whole.add(object);
      }
    });
    try {
      if (PlainFile.exists(file)) { // a torn last line goes
        AtomicFile.write(file, out -> {
          for (byte[] line : whole) {
            out.write(line);
            out.write('\n');
          }
        });
      }
      channel = PlainFile.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the rewards to " + file + ": " + e.getMessage(), e);
    }
  }

  /** The score of a solution that was drawn for an update. */
  double score(int update, Problem problem, String solution) {
    if (channel == null) {
      return outcome.score(problem, solution);
    }
    Key key = new Key(update, problem.id(), SplitMix.hash(solution));
    Double before = known.get(key);
    if (before != null) {
      return before;
    }
    double score = outcome.score(problem, solution);
    byte[] row = JSON.writeValueAsString(Map.of("update", update, "problem", problem.id(), "solution", key.solution,
        "score", score)).getBytes(StandardCharsets.UTF_8);
    try {
      for (ByteBuffer line = ByteBuffer.wrap(CheckedLines.frame(row)); line.hasRemaining();) {
        channel.write(line);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write down a reward: " + e.getMessage(), e);
    }
    known.put(key, score);
    return score;
  }

  /** Brings what was written down to the disk. */
  void sync() {
    try {
      if (channel != null) {
        channel.force(true);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot bring the rewards to the disk: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close the rewards: " + e.getMessage(), e);
    }
  }
}
