package dev.sphere.bindings.load;

import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;

/** Writes fields of C structs by name; for set-up code, not for hot loops. */
public final class Structs {
  private Structs() {}

  public static void setInt(MemorySegment struct, StructLayout layout, String field, int value) {
    struct.set(ValueLayout.JAVA_INT, layout.byteOffset(PathElement.groupElement(field)), value);
  }

  public static void setLong(MemorySegment struct, StructLayout layout, String field, long value) {
    struct.set(ValueLayout.JAVA_LONG, layout.byteOffset(PathElement.groupElement(field)), value);
  }

  public static void setFlag(MemorySegment struct, StructLayout layout, String field, boolean value) {
    struct.set(ValueLayout.JAVA_BOOLEAN, layout.byteOffset(PathElement.groupElement(field)), value);
  }

  public static void setPointer(MemorySegment struct, StructLayout layout, String field, MemorySegment value) {
    struct.set(ValueLayout.ADDRESS, layout.byteOffset(PathElement.groupElement(field)), value);
  }
}
