package dev.sphere.bindings.load;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The loader in hostile surroundings, each in a JVM of its own: one clear line, never a crash. */
class LoaderTest {
  @TempDir Path temp;

  @Test
  void extractsOnceIntoTheCache() throws Exception {
    String first = probe(Map.of("XDG_CACHE_HOME", temp.toString()));
    assertTrue(first.startsWith("true llama.cpp "), first);
    assertTrue(first.contains(temp.toString()), first);
    Path folder = onlyFolder(temp.resolve("sphere/native"));
    Path library = folder.resolve("libsphere.so");
    Object before = Files.getAttribute(library, "unix:ino");
    probe(Map.of("XDG_CACHE_HOME", temp.toString()));
    assertEquals(before, Files.getAttribute(library, "unix:ino"), "extracted again");
  }

  @Test
  void manyProcessesAtOnceExtractTogether() throws Exception {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      processes.add(start(Map.of("XDG_CACHE_HOME", temp.toString()), List.of()));
    }
    for (Process process : processes) {
      String out = output(process);
      assertTrue(out.endsWith("usable\n"), out);
    }
    onlyFolder(temp.resolve("sphere/native")); // and no half-made one beside it
  }

  @Test
  void aTornFileInTheCacheIsMadeAgain() throws Exception {
    probe(Map.of("XDG_CACHE_HOME", temp.toString()));
    Path library = onlyFolder(temp.resolve("sphere/native")).resolve("libllama.so.0");
    byte[] content = Files.readAllBytes(library);
    Files.write(library, java.util.Arrays.copyOf(content, content.length / 2));
    String out = probe(Map.of("XDG_CACHE_HOME", temp.toString()));
    assertTrue(out.endsWith("usable\n"), out);
    assertEquals(content.length, Files.size(library));
  }

  /** Same size, same name, another library: before, it was loaded. */
  @Test
  void anotherLibraryInTheCacheIsMadeAgain() throws Exception {
    probe(Map.of("XDG_CACHE_HOME", temp.toString()));
    Path folder = onlyFolder(temp.resolve("sphere/native"));
    Path library = folder.resolve("libsphere.so");
    byte[] content = Files.readAllBytes(library);
    byte[] other = content.clone();
    other[other.length - 1] ^= 1;
    Files.delete(library);
    Files.write(library, other);
    Path outside = Files.move(folder.resolve("libggml.so.0"), temp.resolve("libggml.so.0"));
    Files.createSymbolicLink(folder.resolve("libggml.so.0"), outside);
    String out = probe(Map.of("XDG_CACHE_HOME", temp.toString()));
    assertTrue(out.endsWith("usable\n"), out);
    assertArrayEquals(content, Files.readAllBytes(library));
    assertFalse(Files.isSymbolicLink(folder.resolve("libggml.so.0")));
    onlyFolder(temp.resolve("sphere/native"));
  }

  @Test
  void aCacheThatOthersCanTurnElsewhereIsNotUsed() throws Exception {
    Path elsewhere = Files.createDirectory(temp.resolve("elsewhere"));
    Files.createSymbolicLink(Files.createDirectory(temp.resolve("sphere")).resolve("native"), elsewhere);
    String out = probe(Map.of("XDG_CACHE_HOME", temp.toString()));
    assertTrue(out.startsWith("false ") && out.contains("is a link") && out.contains("XDG_CACHE_HOME"), out);
  }

  @Test
  void aCacheThatCannotBeMadeNamesTheRemedy() throws Exception {
    Path file = Files.writeString(temp.resolve("file"), "");
    String out = probe(Map.of("XDG_CACHE_HOME", file.toString()));
    assertTrue(out.startsWith("false ") && out.contains("XDG_CACHE_HOME"), out);
    assertTrue(out.endsWith("refused true\n"), out);
  }

  @Test
  void aFolderWithoutLibrariesIsNamed() throws Exception {
    String out = probe(Map.of("SPHERE_NATIVE_DIR", temp.toString()));
    assertTrue(out.startsWith("false SPHERE_NATIVE_DIR=" + temp), out);
    out = probe(Map.of("SPHERE_NATIVE_DIR", temp.resolve("nowhere").toString()));
    assertTrue(out.startsWith("false SPHERE_NATIVE_DIR=" + temp.resolve("nowhere")), out);
  }

  @Test
  void aMissingLibraryIsNamed() throws Exception {
    Path copy = copyOfLibraries();
    Files.delete(copy.resolve("libggml-cpu.so.0"));
    String out = probe(Map.of("SPHERE_NATIVE_DIR", copy.toString()));
    assertTrue(out.startsWith("false ") && out.contains("libggml-cpu.so.0"), out);
  }

  @Test
  void aFileThatIsNoLibraryIsNamed() throws Exception {
    Path copy = copyOfLibraries();
    Files.writeString(copy.resolve("libggml.so.0"), "not a library");
    String out = probe(Map.of("SPHERE_NATIVE_DIR", copy.toString()));
    assertTrue(out.startsWith("false ") && out.contains("has another libggml.so.0"), out);
    byte[] rubbish = new byte[(int) Files.size(NativeRuntime.status().directory().resolve("libggml.so.0"))];
    Files.write(copy.resolve("libggml.so.0"), rubbish); // the right size
    out = probe(Map.of("SPHERE_NATIVE_DIR", copy.toString()));
    assertTrue(out.startsWith("false ") && out.contains("has another libggml.so.0"), out);
  }

  @Test
  void anotherAbiIsRefusedWithStructAndLibrary() throws Exception {
    String truth = NativeLibrariesTest.tableText();
    String table = truth.replace("offset llama_batch.pos 24 8", "offset llama_batch.pos 16 8");
    assertNotEquals(truth, table);
    Path copy = copyOfLibraries();
    fakeLibsphere(copy, table);
    String out = probe(Map.of("SPHERE_NATIVE_DIR", copy.toString()));
    assertTrue(out.startsWith("false "), out);
    assertTrue(out.contains("llama_batch.pos"), out);
    assertTrue(out.contains(copy.resolve("libsphere.so").toString()), out);
  }

  @Test
  void libllamaOfAnotherVersionIsRefused() throws Exception {
    Path copy = copyOfLibraries();
    fakeLibsphere(copy, NativeLibrariesTest.tableText().replaceFirst("version llama \\S+", "version llama 0.4.9"));
    String out = probe(Map.of("SPHERE_NATIVE_DIR", copy.toString()));
    assertTrue(out.startsWith("false ") && out.contains("libllama.so") && out.contains("0.4.9"), out);
  }

  @Test
  void anOlderCpuIsRefusedBeforeAnythingIsLoaded() throws Exception {
    Path copy = copyOfLibraries();
    Files.writeString(copy.resolve("cpu"), "avx avx4096_quantum\n");
    String out = probe(Map.of("SPHERE_NATIVE_DIR", copy.toString()));
    assertTrue(out.startsWith("false ") && out.contains("another CPU") && out.contains("avx4096_quantum"), out);
  }

  /** The jar's own libraries, on a CPU that has nothing, and by a name that they don't have. */
  @Test
  void aCpuThatNoneOfTheJarsLibrariesCanRunOnIsToldWhatItLacks() throws Exception {
    Path old = Files.writeString(temp.resolve("cpuinfo"), "model name : Old\nflags : fpu sse2\nFeatures : fp\n");
    String out = output(start(
        Map.of("XDG_CACHE_HOME", temp.toString()),
        List.of("--enable-native-access=ALL-UNNAMED", "-Dsphere.cpuinfo=" + old)));
    assertTrue(out.startsWith("false ") && out.contains("this one has no ") && out.endsWith("refused true\n"), out);
    assertFalse(Files.exists(temp.resolve("sphere")), "nothing is extracted");
    out = probe(Map.of("SPHERE_CPU", "quantum4096"));
    assertTrue(out.startsWith("false SPHERE_CPU=quantum4096, but this jar has libraries for "), out);
  }

  @Test
  void deniedNativeAccessNamesTheFlag() throws Exception {
    Process process = start(Map.of(), List.of("--illegal-native-access=deny"));
    String out = output(process);
    assertTrue(out.startsWith("false ") && out.contains("--enable-native-access=ALL-UNNAMED"), out);
    assertTrue(out.endsWith("refused true\n"), out);
  }

  // --- helpers ---

  private String probe(Map<String, String> environment) throws Exception {
    return output(start(environment, List.of("--enable-native-access=ALL-UNNAMED")));
  }

  private Process start(Map<String, String> environment, List<String> flags) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(flags);
    command.addAll(List.of("-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:ErrorFile=" + temp.resolve("hs_err.log")));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), LoaderProbe.class.getName()));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().keySet().removeAll(List.of("SPHERE_NATIVE_DIR", "XDG_CACHE_HOME", "JAVA_TOOL_OPTIONS"));
    builder.environment().putAll(environment);
    return builder.start();
  }

  private static String output(Process process) throws Exception {
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(600, TimeUnit.SECONDS), "the probe hangs");
    assertEquals(0, process.exitValue(), out);
    return out;
  }

  private static Path onlyFolder(Path parent) throws IOException {
    try (Stream<Path> entries = Files.list(parent)) {
      List<Path> all = entries.toList();
      assertEquals(1, all.size(), all::toString);
      return all.getFirst();
    }
  }

  private Path copyOfLibraries() throws IOException {
    Path source = NativeRuntime.status().directory();
    Path copy = Files.createDirectory(temp.resolve("copy"));
    try (Stream<Path> files = Files.list(source)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    return copy;
  }

  /** Puts a libsphere into the folder that tells this ABI table, and mends the index. */
  private void fakeLibsphere(Path folder, String table) throws Exception {
    Path source = temp.resolve("fake.c");
    String literal = table.replace("\n", "\\n\"\n\"");
    Files.writeString(
        source,
        "const char * sphere_version(void) { return \"0.1.0\"; }\n"
            + "const char * sphere_abi_table(void) { return \"" + literal + "\"; }\n");
    Path library = folder.resolve("libsphere.so");
    Process compiler =
        new ProcessBuilder("cc", "-shared", "-fPIC", "-o", library.toString(), source.toString())
            .redirectErrorStream(true)
            .start();
    assertEquals(0, compiler.waitFor(), new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
    List<String> index = new ArrayList<>(Files.readAllLines(folder.resolve("index")));
    index.removeIf(line -> line.endsWith(" libsphere.so"));
    byte[] content = Files.readAllBytes(library);
    String sha = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    index.add(sha + " " + content.length + " libsphere.so");
    Files.write(folder.resolve("index"), index);
  }
}
