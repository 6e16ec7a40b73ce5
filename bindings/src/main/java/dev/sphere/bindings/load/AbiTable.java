package dev.sphere.bindings.load;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The layouts and constants that libsphere was compiled against, parsed from {@code sphere_abi_table()} (grammar:
 * sphere.h).
 *
 * @param source the library that the table comes from, for messages
 * @param versions library to version
 * @param sizes struct to bytes
 * @param fields "struct.field" to its place
 * @param constants C name to value
 */
record AbiTable(String source, Map<String, String> versions, Map<String, Long> sizes, Map<String, Field> fields,
    Map<String, Long> constants) {

  /** Offset in the struct and size, both in bytes. */
  record Field(long offset, long size) {}

  static AbiTable parse(String text, String source) {
    Map<String, String> versions = new LinkedHashMap<>();
    Map<String, Long> sizes = new LinkedHashMap<>();
    Map<String, Field> fields = new LinkedHashMap<>();
    Map<String, Long> constants = new LinkedHashMap<>();
    for (String line : text.split("\n")) {
      String[] word = line.split(" ");
      try {
        switch (word[0]) {
          case "version" -> versions.put(word[1], word[2]);
          case "sizeof" -> sizes.put(word[1], Long.valueOf(word[2]));
          case "offset" -> fields.put(word[1], new Field(Long.parseLong(word[2]), Long.parseLong(word[3])));
          case "const" -> constants.put(word[1], Long.valueOf(word[2]));
          default -> throw new IllegalArgumentException(word[0]);
        }
      } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
        throw new NativeUnavailableException(
            "The ABI table of " + source + " has a line that is not understood: '" + line + "'. "
                + NativeDirectory.HOW_TO_BUILD,
            e);
      }
    }
    return new AbiTable(source, versions, sizes, fields, constants);
  }
}
