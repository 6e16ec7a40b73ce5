package dev.sphere.bindings.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.kernel.BenchKernels;
import dev.sphere.bindings.llama.SamplerChain;
import dev.sphere.bindings.llama.Vocabulary;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.StructLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Every layout, descriptor and constant that we wrote by hand against what jextract read in the headers
 * (jextract-table.txt, made by bindings/jextract/run.sh; docs/explanation/jextract.md says how).
 */
class JextractOracleTest {
  private static final String REDO = "; if the header changed, make the table again (docs/explanation/jextract.md)";
  private static JextractTable table;

  @BeforeAll
  static void readTable() throws IOException {
    try (var in = JextractOracleTest.class.getResourceAsStream("/jextract-table.txt")) {
      table = JextractTable.parse(new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8));
    }
  }

  /** Initialises every class of the bindings, so that every {@code downcall} in a static field has been made. */
  private static Map<String, FunctionDescriptor> descriptors() throws Exception {
    Path classes = Path.of(NativeLibraries.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    try (Stream<Path> files = Files.walk(classes.resolve("dev/sphere/bindings"))) {
      for (Path file : files.toList()) {
        String name = classes.relativize(file).toString().replace('/', '.');
        if (name.endsWith(".class") && !name.endsWith("package-info.class")) {
          Class.forName(name.substring(0, name.length() - 6));
        }
      }
    }
    Class.forName(BenchKernels.class.getName());
    Class.forName(SamplerChain.class.getName());
    Map<String, FunctionDescriptor> all = new TreeMap<>(NativeLibraries.descriptors());
    all.keySet().removeIf(name -> name.startsWith("sphere_no_such")); // of NativeLibrariesTest
    return all;
  }

  private static <V> void assertSame(Map<String, V> theirs, Map<String, V> ours, String what) {
    TreeSet<String> names = new TreeSet<>(theirs.keySet());
    names.addAll(ours.keySet());
    List<String> wrong =
        names.stream()
            .filter(name -> !java.util.Objects.equals(theirs.get(name), ours.get(name)))
            .map(name -> name + ": ours " + ours.get(name) + ", jextract's " + theirs.get(name))
            .toList();
    assertEquals(List.of(), wrong, what + REDO);
  }

  @Test
  void everyDescriptor() throws Exception {
    List<String> wrong = new ArrayList<>();
    Map<String, FunctionDescriptor> ours = descriptors();
    ours.forEach(
        (symbol, descriptor) -> {
          String theirs = table.functions().get(symbol);
          String here = JextractTable.signature(descriptor);
          if (!here.equals(theirs)) {
            wrong.add(symbol + ": ours " + here + ", jextract's " + theirs);
          }
        });
    assertTrue(ours.size() > 60, "only " + ours.size() + " functions are bound: did the classes initialise?");
    assertEquals(List.of(), wrong, "descriptors differ" + REDO);
  }

  @Test
  void everyLayout() {
    JextractTable ours =
        new JextractTable("", new TreeMap<>(), new TreeMap<>(), new TreeMap<>(), new TreeMap<>());
    for (StructLayout layout : AbiLayouts.all()) {
      ours.add(layout);
    }
    Map<String, Long> sizes = new TreeMap<>(table.structs());
    sizes.keySet().retainAll(ours.structs().keySet());
    assertSame(sizes, ours.structs(), "struct sizes");
    Map<String, String> fields = new TreeMap<>(table.fields());
    fields.keySet().removeIf(field -> !ours.structs().containsKey(field.substring(0, field.indexOf('.'))));
    assertSame(fields, ours.fields(), "offsets and types of fields");
  }

  @Test
  void everyConstant() {
    Map<String, Long> ours = AbiConstants.all();
    Map<String, Long> theirs = new TreeMap<>(table.constants());
    theirs.keySet().retainAll(ours.keySet());
    assertSame(theirs, ours, "constants");
    assertEquals(table.constants().get("LLAMA_TOKEN_NULL"), Vocabulary.NONE);
  }

  @Test
  void whatTheLibraryTellsIsWhatJextractFound() throws Throwable {
    assertTrue(NativeRuntime.status().available(), () -> NativeRuntime.status().message());
    String version = NativeRuntime.status().llamaVersion();
    Assumptions.assumeTrue(
        table.version().equals(version),
        () -> "the table is of llama.cpp " + table.version() + ", the library is " + version);
    AbiTable library = NativeLibrariesTest.table();
    library.sizes().forEach((struct, bytes) -> assertEquals(table.structs().get(struct), bytes, struct));
    library.fields().forEach((field, place) ->
        assertEquals(place.offset() + "", table.fields().getOrDefault(field, "absent").split(" ")[0], field));
    library.constants().forEach((name, value) -> assertEquals(table.constants().get(name), value, name));
  }
}
