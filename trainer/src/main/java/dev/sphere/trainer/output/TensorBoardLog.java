package dev.sphere.trainer.output;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.PlainFile;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.dataformat.protobuf.ProtobufMapper;
import tools.jackson.dataformat.protobuf.schema.ProtobufSchemaLoader;

/**
 * TensorBoard's event file: records of length, masked CRC-32C, protobuf {@code Event} and masked CRC-32C. A value of an
 * event's summary is one scalar (tensorflow/core/util/event.proto, summary.proto).
 */
final class TensorBoardLog implements AutoCloseable {
  private static final String SCHEMA = """
      message Event {
        required double wall_time = 1;
        optional int64 step = 2;
        optional string file_version = 3;
        optional Summary summary = 5;
      }
      message Summary {
        repeated Value value = 1;
      }
      message Value {
        required string tag = 1;
        required float simple_value = 2;
      }
      """;
  private static final ObjectWriter EVENTS = writer();

  private final Path file;
  private final OutputStream out;

  private static ObjectWriter writer() {
    try {
      return new ProtobufMapper().writer(ProtobufSchemaLoader.std.parse(SCHEMA));
    } catch (IOException e) {
      throw new IllegalStateException("the schema of TensorBoard's events cannot be read", e);
    }
  }

  /** Begins a new file with the record of its version. */
  TensorBoardLog(Path file) {
    this.file = file;
    try {
      AtomicFile.createFolders(file.toAbsolutePath().getParent());
      out = Channels.newOutputStream(PlainFile.open(
          file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE));
    } catch (IOException e) {
      throw failed(e);
    }
    Map<String, Object> event = event();
    event.put("file_version", "brain.Event:2");
    record(event);
  }

  /** Writes one step's scalars. */
  void write(int step, Map<String, Double> scalars) {
    List<Map<String, Object>> values = new ArrayList<>();
    scalars.forEach((tag, scalar) -> {
      Map<String, Object> value = new LinkedHashMap<>();
      value.put("tag", tag);
      value.put("simple_value", scalar.floatValue());
      values.add(value);
    });
    Map<String, Object> event = event();
    event.put("step", (long) step);
    event.put("summary", Map.of("value", values));
    record(event);
  }

  private static Map<String, Object> event() {
    Map<String, Object> event = new LinkedHashMap<>();
    event.put("wall_time", System.currentTimeMillis() / 1e3);
    return event;
  }

  private void record(Map<String, Object> fields) {
    byte[] event = EVENTS.writeValueAsBytes(fields);
    ByteBuffer head = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN).putLong(event.length);
    head.putInt(masked(head.array(), 8));
    ByteBuffer tail = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(masked(event, event.length));
    try {
      out.write(head.array());
      out.write(event);
      out.write(tail.array());
      out.flush();
    } catch (IOException e) {
      throw failed(e);
    }
  }

  /** TFRecord's checksum: CRC-32C, rotated and shifted. */
  static int masked(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
  }

  private UncheckedIOException failed(IOException e) {
    return new UncheckedIOException(
        "cannot write the event file " + file + ": " + e.getMessage() + AtomicFile.remedy(e), e);
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw failed(e);
    }
  }
}
