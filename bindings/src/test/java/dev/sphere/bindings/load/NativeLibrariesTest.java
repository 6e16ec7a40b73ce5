package dev.sphere.bindings.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.junit.jupiter.api.Test;

/** The libraries that the build made load, prove their ABI, and a missing function is named when it is called. */
class NativeLibrariesTest {
  @Test
  void loads() {
    NativeRuntime.Status status = NativeRuntime.status();
    assertTrue(status.available(), () -> status.message() + " / " + status.cause());
    assertEquals("0.3.0", status.sphereVersion());
  }

  @Test
  void everyStructOfTheTableHasALayoutAndTheOtherWayRound() {
    AbiTable table = table();
    AbiCheck.layouts(table);
    assertEquals(
        table.sizes().keySet().stream().sorted().toList(),
        AbiLayouts.all().stream().map(StructLayout::name).map(java.util.Optional::orElseThrow).sorted().toList());
  }

  @Test
  void aMovedFieldIsNamedWithItsLibrary() {
    AbiTable table = table();
    var fields = new java.util.HashMap<>(table.fields());
    fields.put("llama_batch.pos", new AbiTable.Field(32, 8));
    AbiTable wrong = new AbiTable("/x/libsphere.so", table.versions(), table.sizes(), fields, table.constants());
    String message =
        assertThrows(NativeUnavailableException.class, () -> AbiCheck.layouts(wrong)).getMessage();
    assertTrue(message.contains("llama_batch.pos"), message);
    assertTrue(message.contains("/x/libsphere.so"), message);
    assertTrue(message.contains("32 bytes there but 24 bytes"), message);
  }

  @Test
  void aMissingFunctionIsNamedWhenItIsCalled() {
    MethodHandle missing =
        NativeLibraries.downcall(
            "sphere_no_such_function", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
    String message =
        assertThrows(NativeUnavailableException.class, () -> missing.invoke(1L)).getMessage();
    assertTrue(message.contains("sphere_no_such_function"), message);
  }

  static AbiTable table() {
    return AbiTable.parse(tableText(), "libsphere");
  }

  static String tableText() {
    var call = NativeLibraries.downcall("sphere_abi_table", FunctionDescriptor.of(ValueLayout.ADDRESS));
    try {
      var text = (java.lang.foreign.MemorySegment) call.invokeExact();
      return text.reinterpret(Long.MAX_VALUE).getString(0);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}
