package dev.sphere.bindings.load;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.StructLayout;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;

/**
 * The ABI proof: our layouts against what the library was compiled against. A wrong layout would read and write wild
 * memory, so the first difference refuses the library.
 */
final class AbiCheck {
  private AbiCheck() {}

  /** Compares every layout of {@link AbiLayouts}. */
  static void layouts(AbiTable table) {
    layouts(table, AbiLayouts.all());
  }

  static void layouts(AbiTable table, List<StructLayout> layouts) {
    for (StructLayout layout : layouts) {
      String struct = layout.name().orElseThrow();
      expect(table, "the size of struct " + struct, table.sizes().get(struct), layout.byteSize());
      TreeSet<String> theirs = new TreeSet<>();
      for (String field : table.fields().keySet()) {
        if (field.startsWith(struct + ".")) {
          theirs.add(field);
        }
      }
      for (MemoryLayout member : layout.memberLayouts()) {
        if (member instanceof PaddingLayout) {
          continue;
        }
        String name = member.name().orElseThrow();
        String field = struct + "." + name;
        AbiTable.Field there = table.fields().get(field);
        expect(table, "the offset of " + field, there == null ? null : there.offset(),
            layout.byteOffset(PathElement.groupElement(name)));
        expect(table, "the size of " + field, there.size(), member.byteSize());
        theirs.remove(field);
      }
      if (!theirs.isEmpty()) {
        throw refuse(table, theirs.first() + " is in the library but not in these bindings");
      }
    }
  }

  /** Compares the constants that both know; the table need not know ours all. */
  static void constants(AbiTable table, Map<String, Long> ours) {
    ours.forEach(
        (name, value) -> {
          Long there = table.constants().get(name);
          if (there != null && !there.equals(value)) {
            throw refuse(table, name + " is " + there + " there but " + value + " in these bindings");
          }
        });
  }

  /** The table was made from headers: the libllama that was really loaded must be of the same version. */
  static void llamaVersion(AbiTable table, String loaded, String library) {
    String built = table.versions().get("llama");
    if (built == null || !plain(loaded).equals(plain(built))) {
      throw new NativeUnavailableException(
          library + " is llama.cpp " + loaded + ", but " + table.source() + " was built for " + built
              + ": they don't belong together. " + NativeDirectory.HOW_TO_BUILD);
    }
  }

  private static String plain(String version) {
    return version.endsWith("-dev") ? version.substring(0, version.length() - 4) : version;
  }

  private static void expect(AbiTable table, String what, Long there, long here) {
    if (!Objects.equals(there, here)) {
      throw refuse(table, what + " is " + (there == null ? "unknown" : there + " bytes") + " there but " + here
          + " bytes in these bindings");
    }
  }

  private static NativeUnavailableException refuse(AbiTable table, String difference) {
    return new NativeUnavailableException(
        table.source() + " does not fit these bindings (it was built for llama.cpp "
            + table.versions().get("llama") + "): " + difference + ". " + NativeDirectory.HOW_TO_BUILD);
  }
}
