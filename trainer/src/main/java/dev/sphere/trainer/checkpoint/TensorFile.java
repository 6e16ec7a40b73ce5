package dev.sphere.trainer.checkpoint;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.PlainFile;
import dev.sphere.bindings.tensor.NativeFloats;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A file of named F32 arrays with a JSON header, little-endian: "SPHERET1"; the header's length (i64); the header in
 * UTF-8, whose key "tensors" lists name and size of each array; the values; CRC-32C of everything before it (i64). It
 * is written atomically, and checked as a whole before any of it is used.
 */
public final class TensorFile {
  private static final byte[] MAGIC = "SPHERET1".getBytes(StandardCharsets.US_ASCII);
  private static final int CHUNK = 1 << 18;
  private static final JsonMapper JSON = JsonMapper.shared();

  private final Path file;
  private final JsonNode header;
  private final long valuesAt;

  private TensorFile(Path file, JsonNode header, long valuesAt) {
    this.file = file;
    this.header = header;
    this.valuesAt = valuesAt;
  }

  /** Writes the header and the arrays, in the map's order; makes the folder if need be. */
  public static void write(Path file, Map<String, Object> header, Map<String, NativeFloats> tensors) {
    List<Map<String, Object>> listed = new ArrayList<>();
    tensors.forEach((name, values) -> listed.add(Map.of("name", name, "size", values.size())));
    Map<String, Object> full = new LinkedHashMap<>(header);
    full.put("tensors", listed);
    byte[] json = JSON.writeValueAsBytes(full);
    try {
      AtomicFile.createFolders(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file + ": " + e.getMessage(), e);
    }
    AtomicFile.writeChannel(file, channel -> {
      CRC32C crc = new CRC32C();
      put(channel, buffer(16).put(MAGIC).putLong(json.length).flip(), crc);
      put(channel, ByteBuffer.wrap(json), crc);
      ByteBuffer bytes = buffer(4 * CHUNK);
      float[] chunk = new float[CHUNK];
      for (NativeFloats values : tensors.values()) {
        for (long at = 0; at < values.size(); at += CHUNK) {
          int n = (int) Math.min(CHUNK, values.size() - at);
          values.read(at, chunk, n);
          bytes.clear();
          bytes.asFloatBuffer().put(chunk, 0, n);
          put(channel, bytes.limit(4 * n), crc);
        }
      }
      put(channel, buffer(8).putLong(crc.getValue()).flip(), new CRC32C());
    });
  }

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void put(FileChannel channel, ByteBuffer bytes, CRC32C crc) throws IOException {
    crc.update(bytes.duplicate());
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /**
   * Opens and checks a file.
   *
   * @throws IOException when it cannot be read or is damaged; the message is a clause about "it"
   */
  public static TensorFile open(Path file) throws IOException {
    try (FileChannel channel = PlainFile.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      ByteBuffer start = buffer(16);
      fill(channel, start, 0);
      byte[] magic = new byte[8];
      start.get(magic);
      long length = start.getLong();
      if (!Arrays.equals(magic, MAGIC)) {
        throw new IOException("it does not begin with " + new String(MAGIC, StandardCharsets.US_ASCII));
      }
      if (length < 2 || length > size - 24 || length > 1 << 28) {
        throw new IOException("its header is cut off");
      }
      CRC32C crc = new CRC32C();
      ByteBuffer bytes = buffer(4 * CHUNK);
      for (long at = 0; at < size - 8; at += bytes.capacity()) {
        bytes.clear().limit((int) Math.min(bytes.capacity(), size - 8 - at));
        fill(channel, bytes, at);
        crc.update(bytes);
      }
      ByteBuffer end = buffer(8);
      fill(channel, end, size - 8);
      if (end.getLong() != crc.getValue()) {
        throw new IOException("its checksum does not fit: it is damaged or cut off");
      }
      ByteBuffer json = ByteBuffer.allocate((int) length);
      fill(channel, json, 16);
      return new TensorFile(file, JSON.readTree(json.array()), 16 + length);
    } catch (JacksonException e) {
      throw new IOException("its header is not JSON: " + e.getMessage(), e);
    }
  }

  private static void fill(FileChannel channel, ByteBuffer bytes, long at) throws IOException {
    while (bytes.hasRemaining()) {
      int read = channel.read(bytes, at + bytes.position());
      if (read < 0) {
        throw new EOFException("it is cut off");
      }
    }
    bytes.flip();
  }

  /** The header, with the key "tensors". */
  public JsonNode header() {
    return header;
  }

  /** Reads the arrays into memory, where names and sizes agree; else leaves the memory as it is and throws. */
  public void restore(Map<String, NativeFloats> tensors) throws IOException {
    List<NativeFloats> targets = new ArrayList<>();
    for (JsonNode t : header.path("tensors")) {
      NativeFloats target = tensors.get(t.path("name").asString());
      if (target == null || target.size() != t.path("size").asLong()) {
        throw new IOException("its tensor " + t.path("name").asString() + " does not fit the model");
      }
      targets.add(target);
    }
    if (targets.size() != tensors.size()) {
      throw new IOException("it has " + targets.size() + " tensors where " + tensors.size() + " are needed");
    }
    try (FileChannel channel = PlainFile.open(file, StandardOpenOption.READ)) {
      long at = valuesAt;
      ByteBuffer bytes = buffer(4 * CHUNK);
      float[] chunk = new float[CHUNK];
      for (NativeFloats target : targets) {
        for (long from = 0; from < target.size(); from += CHUNK) {
          int n = (int) Math.min(CHUNK, target.size() - from);
          bytes.clear().limit(4 * n);
          fill(channel, bytes, at);
          bytes.asFloatBuffer().get(chunk, 0, n);
          target.write(from, chunk, n);
          at += 4L * n;
        }
      }
    }
  }
}
