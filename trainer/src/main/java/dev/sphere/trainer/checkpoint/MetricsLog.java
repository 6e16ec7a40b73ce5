package dev.sphere.trainer.checkpoint;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.PlainFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Metrics as JSONL: one object a line, with step and epoch. On resume the lines
 * are those of the checkpoint, which keeps them too.
 */
public final class MetricsLog implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  static final String FROM_CHECKPOINT = "written again from the checkpoint";

  private final Path file;
  private final FileChannel channel;
  private final List<String> lines = new ArrayList<>();

  /**
   * @param file in a folder that is there
   * @param fromStep lines of later steps are dropped; 0 begins an empty file
   * @param saved the lines up to that step as the checkpoint has them; null when it has none
   * @param notes takes what is worth a line, as which line is damaged
   */
  public MetricsLog(Path file, int fromStep, List<String> saved, Consumer<String> notes) {
    this.file = file;
    List<String> there = read(file);
    if (fromStep == 0 && !there.isEmpty()) {
      notes.accept(file + " tells of an earlier run, but there is no checkpoint; training begins anew");
    }
    int damaged = firstDifference(there, saved);
    if (damaged > 0) {
      notes.accept(file + ", line " + damaged + ": missing or damaged; " + FROM_CHECKPOINT);
    }
    try {
      lines.addAll(saved != null ? saved : kept(there, fromStep));
      AtomicFile.write(file, out -> {
        for (String line : lines) {
          out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        }
      });
      channel = PlainFile.open(file, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the metrics to " + file + ": " + e.getMessage(), e);
    }
  }

  /** Where it is in a run's folder. */
  public static Path in(Path folder) {
    return folder.resolve("metrics.jsonl");
  }

  /** The lines, whatever they hold; none when the file is not there. */
  public static List<String> read(Path file) {
    try {
      byte[] bytes = PlainFile.exists(file) ? PlainFile.bytes(file) : new byte[0];
      return new String(bytes, StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the metrics in " + file + ": " + e.getMessage(), e);
    }
  }

  /** The first line, from 1, that is not what the checkpoint has; 0 when all are, or the checkpoint has none. */
  static int firstDifference(List<String> there, List<String> saved) {
    for (int i = 0; saved != null && i < saved.size(); i++) {
      if (i >= there.size() || !there.get(i).equals(saved.get(i))) {
        return i + 1;
      }
    }
    return 0;
  }

  /** All lines so far. */
  public List<String> lines() {
    return lines;
  }

  private static List<String> kept(List<String> lines, int fromStep) {
    return lines.stream().filter(line -> step(line) <= fromStep).toList();
  }

  private static int step(String line) {
    try {
      return JSON.readTree(line).path("step").asInt(Integer.MAX_VALUE);
    } catch (JacksonException torn) {
      return Integer.MAX_VALUE;
    }
  }

  /** Adds a line, to the file and to {@link #lines}. */
  public void write(StepMetrics metrics) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("step", metrics.step());
    object.put("epoch", metrics.epoch());
    object.putAll(metrics.values());
    lines.add(JSON.writeValueAsString(object));
    ByteBuffer line = ByteBuffer.wrap((lines.getLast() + "\n").getBytes(StandardCharsets.UTF_8));
    try {
      while (line.hasRemaining()) {
        channel.write(line);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the metrics to " + file + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    try (channel) {
      channel.force(true); // a run that says it is done has its metrics on the disk
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close " + file + ": " + e.getMessage(), e);
    }
  }
}
