package dev.sphere.trainer.output;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.sphere.base.AtomicFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Safetensors files: the header's length (u64), the header in JSON (type, shape and place of each tensor), the values,
 * little-endian. Reads F32, F16 and BF16; writes F32.
 */
final class SafeTensors {
  private static final int MOST_HEADER = 100_000_000;

  private SafeTensors() {}

  /**
   * A tensor.
   *
   * @param shape outermost dimension first, as in PyTorch
   */
  record Tensor(long[] shape, float[] values) {}

  /** A tensor in the file's header. */
  private record Entry(String dtype, long[] shape, @JsonProperty("data_offsets") List<Long> dataOffsets) {}

  static void write(Path file, Map<String, Tensor> tensors) {
    Map<String, Object> header = new LinkedHashMap<>();
    header.put("__metadata__", Map.of("format", "pt"));
    long at = 0;
    for (Map.Entry<String, Tensor> e : tensors.entrySet()) {
      long end = at + 4L * e.getValue().values().length;
      header.put(e.getKey(), new Entry("F32", e.getValue().shape(), List.of(at, end)));
      at = end;
    }
    byte[] json = JsonMapper.shared().writeValueAsBytes(header);
    int padded = (json.length + 7) / 8 * 8; // the format asks for values at a multiple of 8
    AtomicFile.writeChannel(file, out -> {
      ByteBuffer start = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN).putLong(padded).put(json);
      while (start.hasRemaining()) {
        start.put((byte) ' ');
      }
      put(out, start.flip());
      for (Tensor t : tensors.values()) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * t.values().length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(t.values());
        put(out, bytes);
      }
    });
  }

  private static void put(FileChannel out, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      out.write(bytes);
    }
  }

  /**
   * All tensors of a file.
   *
   * @throws IllegalArgumentException when the file is damaged or has a tensor of another type
   */
  static Map<String, Tensor> read(Path file) {
    try {
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
      long length = bytes.remaining() < 8 ? -1 : bytes.getLong();
      if (length < 2 || length > Math.min(MOST_HEADER, bytes.remaining())) {
        throw new IllegalArgumentException(file + " is no safetensors file: its header has " + length + " bytes");
      }
      JsonNode header = JsonMapper.shared().readTree(bytes.array(), 8, (int) length);
      ByteBuffer values =
          bytes.slice(8 + (int) length, bytes.capacity() - 8 - (int) length).order(ByteOrder.LITTLE_ENDIAN);
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> e : header.properties()) {
        if (!e.getKey().equals("__metadata__")) {
          tensors.put(e.getKey(), tensor(file, e.getKey(), e.getValue(), values));
        }
      }
      return tensors;
    } catch (JacksonException e) {
      throw new IllegalArgumentException(file + " is no safetensors file: its header is not JSON", e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private static Tensor tensor(Path file, String name, JsonNode entry, ByteBuffer values) {
    List<Long> sizes = new ArrayList<>();
    entry.path("shape").forEach(n -> sizes.add(n.asLong(-1)));
    long elements = 1;
    for (long size : sizes) {
      elements = size < 0 ? -1 : Math.multiplyExact(elements, size);
    }
    String type = entry.path("dtype").asString("none");
    int width = switch (type) {
      case "F32" -> 4;
      case "F16", "BF16" -> 2;
      default -> throw new IllegalArgumentException(
          file + ": the tensor " + name + " is " + type + "; F32, F16 and BF16 are read");
    };
    long from = entry.path("data_offsets").path(0).asLong(-1);
    long to = entry.path("data_offsets").path(1).asLong(-1);
    if (elements < 0 || from < 0 || to > values.capacity() || to - from != elements * width) {
      throw new IllegalArgumentException(
          file + ": the tensor " + name + " has shape " + sizes + " but bytes " + from + " to " + to);
    }
    ByteBuffer own = values.slice((int) from, (int) (to - from)).order(ByteOrder.LITTLE_ENDIAN);
    float[] read = new float[Math.toIntExact(elements)];
    for (int i = 0; i < read.length; i++) {
      read[i] = switch (type) {
        case "F32" -> own.getFloat();
        case "F16" -> Float.float16ToFloat(own.getShort());
        default -> Float.intBitsToFloat(own.getShort() << 16);
      };
    }
    return new Tensor(sizes.stream().mapToLong(Long::longValue).toArray(), read);
  }
}
