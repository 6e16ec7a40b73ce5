package dev.sphere.bindings.load;

import java.io.IOException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What jextract found in the headers of llama.cpp and libsphere, as text, one fact a line:
 *
 * <pre>
 * version llama.cpp 0.5.0
 * struct llama_batch 56
 * field llama_batch.token 8 A
 * function llama_decode I(A,{llama_batch})
 * constant GGML_TYPE_F16 1
 * </pre>
 *
 * Types: V void, Z bool, B S I J integers of 1 2 4 8 bytes, F D floating point, A pointer, {name} a struct by value,
 * 4[J] an array.
 *
 * @param version of llama.cpp
 * @param structs name to bytes
 * @param fields "struct.field" to "offset type"
 * @param functions symbol to signature
 * @param constants C name to value
 */
record JextractTable(
    String version,
    Map<String, Long> structs,
    Map<String, String> fields,
    Map<String, String> functions,
    Map<String, Long> constants) {

  static JextractTable read(Path file) throws IOException {
    return parse(Files.readString(file));
  }

  static JextractTable parse(String text) {
    String version = null;
    Map<String, Long> structs = new TreeMap<>();
    Map<String, String> fields = new TreeMap<>();
    Map<String, String> functions = new TreeMap<>();
    Map<String, Long> constants = new TreeMap<>();
    for (String line : text.lines().toList()) {
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      String[] word = line.split(" ", 3);
      switch (word[0]) {
        case "version" -> version = word[2];
        case "struct" -> structs.put(word[1], Long.valueOf(word[2]));
        case "field" -> fields.put(word[1], word[2]);
        case "function" -> functions.put(word[1], word[2]);
        case "constant" -> constants.put(word[1], Long.valueOf(word[2]));
        default -> throw new IllegalArgumentException("not understood: " + line);
      }
    }
    return new JextractTable(version, structs, fields, functions, constants);
  }

  String text() {
    StringBuilder out = new StringBuilder("version llama.cpp " + version + "\n");
    structs.forEach((name, bytes) -> out.append("struct ").append(name).append(' ').append(bytes).append('\n'));
    fields.forEach((name, place) -> out.append("field ").append(name).append(' ').append(place).append('\n'));
    functions.forEach((name, type) -> out.append("function ").append(name).append(' ').append(type).append('\n'));
    constants.forEach((name, value) -> out.append("constant ").append(name).append(' ').append(value).append('\n'));
    return out.toString();
  }

  /** Adds a struct and its fields. */
  void add(GroupLayout layout) {
    String name = layout.name().orElseThrow();
    structs.put(name, layout.byteSize());
    for (MemoryLayout member : layout.memberLayouts()) {
      if (!(member instanceof PaddingLayout)) {
        String field = member.name().orElseThrow();
        fields.put(
            name + "." + field, layout.byteOffset(PathElement.groupElement(field)) + " " + type(member));
      }
    }
  }

  static String signature(FunctionDescriptor descriptor) {
    return descriptor.returnLayout().map(JextractTable::type).orElse("V")
        + descriptor.argumentLayouts().stream().map(JextractTable::type).collect(Collectors.joining(",", "(", ")"));
  }

  static String type(MemoryLayout layout) {
    return switch (layout) {
      case AddressLayout _ -> "A";
      case ValueLayout.OfBoolean _ -> "Z";
      case ValueLayout.OfByte _ -> "B";
      case ValueLayout.OfShort _ -> "S";
      case ValueLayout.OfChar _ -> "C";
      case ValueLayout.OfInt _ -> "I";
      case ValueLayout.OfLong _ -> "J";
      case ValueLayout.OfFloat _ -> "F";
      case ValueLayout.OfDouble _ -> "D";
      case SequenceLayout array -> array.elementCount() + "[" + type(array.elementLayout()) + "]";
      case GroupLayout struct -> "{" + struct.name().orElse("?") + "}";
      case PaddingLayout padding -> "x" + padding.byteSize();
    };
  }
}
