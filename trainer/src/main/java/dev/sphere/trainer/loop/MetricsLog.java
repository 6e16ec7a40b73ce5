package dev.sphere.trainer.loop;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** Metrics as JSONL: one object a line, with step and epoch. On resume the lines after the checkpoint are dropped. */
final class MetricsLog implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Path file;
  private final FileChannel channel;

  /**
   * @param fromStep lines of later steps are dropped; 0 begins an empty file
   */
  MetricsLog(Path file, int fromStep) {
    this.file = file;
    try {
      List<String> kept = fromStep > 0 && Files.exists(file) ? kept(Files.readAllLines(file), fromStep) : List.of();
      AtomicFiles.write(file, c -> {
        for (String line : kept) {
          c.write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8)));
        }
      });
      channel = FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the metrics to " + file + ": " + e.getMessage(), e);
    }
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

  void write(StepMetrics metrics) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("step", metrics.step());
    object.put("epoch", metrics.epoch());
    object.putAll(metrics.values());
    ByteBuffer line = ByteBuffer.wrap((JSON.writeValueAsString(object) + "\n").getBytes(StandardCharsets.UTF_8));
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
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close " + file + ": " + e.getMessage(), e);
    }
  }
}
