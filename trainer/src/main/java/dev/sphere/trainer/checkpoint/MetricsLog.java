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
import tools.jackson.databind.json.JsonMapper;

/**
 * A run's {@code metrics.jsonl}: one JSON object a line, with step and epoch. Checkpoints keep the lines too, and a
 * resumed run begins with its checkpoint's lines.
 */
public final class MetricsLog implements AutoCloseable {
  static final String FROM_CHECKPOINT = "written again from the checkpoint";

  private final Path file;
  private final FileChannel channel;
  private final List<String> lines;

  /**
   * @param file in a folder that exists
   * @param saved the checkpoint's lines; empty for a fresh run
   * @param notes takes one line where the file is damaged or is another run's
   */
  public MetricsLog(Path file, List<String> saved, Consumer<String> notes) {
    this.file = file;
    this.lines = new ArrayList<>(saved);
    List<String> present = read(file);
    if (saved.isEmpty() && !present.isEmpty()) {
      notes.accept(file + " is of an earlier run, but there is no checkpoint; training begins anew");
    }
    int damaged = firstDifference(present, saved);
    if (damaged > 0) {
      notes.accept(file + ", line " + damaged + ": missing or damaged; " + FROM_CHECKPOINT);
    }
    try {
      AtomicFile.writeText(file, String.join("", lines.stream().map(line -> line + "\n").toList()));
      channel = PlainFile.open(file, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw failed("write", file, e);
    }
  }

  /** The log's file in a run's folder. */
  public static Path in(Path folder) {
    return folder.resolve("metrics.jsonl");
  }

  /** The lines of a file, damaged or not; none when it does not exist. */
  public static List<String> read(Path file) {
    try {
      byte[] bytes = PlainFile.exists(file) ? PlainFile.bytes(file) : new byte[0];
      return new String(bytes, StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      throw failed("read", file, e);
    }
  }

  /** The number, from 1, of the first line that differs from the checkpoint's; 0 when none does. */
  static int firstDifference(List<String> present, List<String> saved) {
    for (int i = 0; i < saved.size(); i++) {
      if (i >= present.size() || !present.get(i).equals(saved.get(i))) {
        return i + 1;
      }
    }
    return 0;
  }

  /** All lines so far. */
  public List<String> lines() {
    return lines;
  }

  /** Adds a line to the file and to {@link #lines}. */
  public void write(StepMetrics metrics) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("step", metrics.step());
    object.put("epoch", metrics.epoch());
    object.putAll(metrics.values());
    lines.add(JsonMapper.shared().writeValueAsString(object));
    ByteBuffer line = ByteBuffer.wrap((lines.getLast() + "\n").getBytes(StandardCharsets.UTF_8));
    try {
      while (line.hasRemaining()) {
        channel.write(line);
      }
    } catch (IOException e) {
      throw failed("write", file, e);
    }
  }

  private static UncheckedIOException failed(String what, Path file, IOException e) {
    return new UncheckedIOException("cannot " + what + " the metrics in " + file + ": " + e.getMessage(), e);
  }

  @Override
  public void close() {
    try (channel) {
      channel.force(true); // the metrics of a complete run outlive a power cut
    } catch (IOException e) {
      throw failed("close", file, e);
    }
  }
}
