package dev.sphere.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The built launcher and jar as a user drives them, in processes of their own. */
class LauncherIT {
  private static final Path TOP = Path.of("..").toAbsolutePath().normalize();
  private static final Path JAR = TOP.resolve("cli/target/sphere-engine.jar");

  @TempDir Path temp;

  private record Run(int status, String out, String err) {}

  @Test
  void tellsItsVersion() throws Exception {
    Run run = sphere("--version");
    assertEquals(0, run.status(), run.err());
    assertTrue(run.out().startsWith("sphere "), run.out());
    assertEquals("", run.err());
  }

  @Test
  void aLinkFromElsewhereWorks() throws Exception {
    Path link = Files.createSymbolicLink(temp.resolve("sphere"), TOP.resolve("sphere"));
    Run run = start(Map.of("SPHERE_NO_BUILD", "1"), link.toString(), "--version");
    assertEquals(0, run.status(), run.err());
  }

  @Test
  void theDoctorFindsTheLibraries() throws Exception {
    Run run = sphere("doctor", "--json");
    assertEquals(0, run.status(), run.out() + run.err());
    JsonNode report = JsonMapper.shared().readTree(run.out());
    assertTrue(report.get("healthy").asBoolean());
    List<String> names = new ArrayList<>();
    report.get("findings").forEach(finding -> names.add(finding.get("name").asString()));
    assertTrue(names.containsAll(List.of("java", "libraries", "cpu", "gpu", "memory", "cache")), names::toString);
  }

  @Test
  void theJarRunsAlone() throws Exception {
    Path copy = Files.copy(JAR, temp.resolve("elsewhere.jar"));
    Run run = start(Map.of(), java(25), "-jar", copy.toString(), "doctor");
    assertEquals(0, run.status(), run.out() + run.err());
    assertEquals("next: ./sphere demo --quick\n", run.err(), "no warning about native access or anything else");
  }

  @Test
  void anUnknownCommandIsTheUsersMistake() throws Exception {
    Run run = sphere("doctr");
    assertEquals(2, run.status());
    assertTrue(run.err().contains("doctor"), run.err());
  }

  @Test
  void anOlderJavaIsToldWhatIsNeeded() throws Exception {
    String old = java(8, 24);
    Assumptions.assumeTrue(old != null, "no Java older than 25 on this machine");
    Run run = start(Map.of(), old, "-jar", JAR.toString(), "--version");
    assertEquals(2, run.status());
    assertTrue(run.err().startsWith("Sphere needs Java 25 or newer; this is Java "), run.err());
  }

  @Test
  void deniedNativeAccessNamesTheFlag() throws Exception {
    // -cp, since the jar's manifest would grant it.
    Run run =
        start(Map.of(), java(25), "--illegal-native-access=deny", "-cp", JAR.toString(), "dev.sphere.cli.Main", "doctor");
    assertEquals(2, run.status());
    assertTrue(run.out().contains("--enable-native-access=ALL-UNNAMED"), run.out());
  }

  @Test
  void whatIsMissingForTheBuildIsNamedWithTheCommandThatInstallsIt() throws Exception {
    missing("sphere: missing: Maven. Install with: apt-get install maven", "mvn");
    missing("sphere: missing: a C++ compiler. Install with: apt-get install g++", "c++");
    missing("sphere: missing: Maven, CMake, make, a C++ compiler, git. "
        + "Install with: apt-get install maven cmake make g++ git", "mvn", "cmake", "make", "c++", "git");
  }

  @Test
  void aBuildThatFailsEndsInOneLineWithItsReason() throws Exception {
    Path clone = clone(List.of("cmake", "make", "c++", "git"));
    Path maven = clone.resolve("bin/mvn");
    Files.writeString(maven, """
        #!/bin/bash
        echo '[INFO] Scanning'
        echo 'llama.cpp: fetching the source'
        echo 'native build: a.cpp:7: error: no; the whole log: native.log'
        for i in {1..40}; do echo "[ERROR] a stack trace, line $i"; done
        exit 1
        """);
    assertTrue(maven.toFile().setExecutable(true));
    Run run = bare(Map.of("PATH", clone.resolve("bin").toString(), "HOME", temp.toString()), "/bin/bash",
        clone.resolve("sphere").toString(), "--version");
    assertEquals(1, run.status(), run.out() + run.err());
    assertEquals("llama.cpp: fetching the source\n"
        + "sphere: the build failed: native build: a.cpp:7: error: no; the whole log: native.log (all of it: "
        + clone.resolve("cli/target/build.log") + ")", run.err().lines().skip(1).collect(Collectors.joining("\n")));
  }

  @Test
  void aMissingJdkIsNamed() throws Exception {
    Path clone = clone(List.of());
    Map<String, String> environment = new TreeMap<>(Map.of("SPHERE_JVM_DIR", temp.toString(), "HOME", temp.toString()));
    environment.put("PATH", clone.resolve("bin").toString());
    Run run = bare(environment, "/bin/bash", clone.resolve("sphere").toString(), "--version");
    assertEquals(2, run.status(), run.out() + run.err());
    assertTrue(run.err().startsWith("sphere: missing: a JDK 25 or newer, Maven, "), run.err());
  }

  @Test
  void theJarCarriesItsNotices() throws Exception {
    try (ZipFile jar = new ZipFile(JAR.toFile())) {
      assertEquals(Files.readString(TOP.resolve("LICENSE")), text(jar, "META-INF/LICENSE"));
      String notice = text(jar, "META-INF/NOTICE");
      assertTrue(notice.contains(Files.readString(TOP.resolve("NOTICE")).strip()), notice);
      assertTrue(notice.contains("Schubfach"), "the libraries' own notices: " + notice);
      String bundled = text(jar, "META-INF/THIRD-PARTY.md");
      // What the jar holds beside Sphere, by the first two folders of its classes.
      Map<String, String> libraries = Map.of("tools/jackson", "Jackson 3", "com/fasterxml", "Jackson annotations",
          "org/snakeyaml", "SnakeYAML Engine", "org/duckdb", "DuckDB", "picocli", "picocli",
          "org/jline", "JLine", "com/squareup", "ProtoParser");
      Set<String> found = jar.stream().map(ZipEntry::getName)
          .filter(n -> n.endsWith(".class") && !n.startsWith("META-INF/") && !n.startsWith("dev/sphere/"))
          .map(n -> n.startsWith("picocli/") ? "picocli" : n.replaceFirst("^([^/]+/[^/]+)/.*", "$1"))
          .collect(Collectors.toCollection(TreeSet::new));
      assertEquals(new TreeSet<>(libraries.keySet()), found, "a library came or went: mend META-INF/THIRD-PARTY.md and NOTICE");
      libraries.values().forEach(name -> assertTrue(bundled.contains(name), name));
      assertTrue(bundled.contains("llama.cpp") && bundled.contains("uPlot"), bundled);
      assertTrue(jar.stream().noneMatch(e -> e.getName().startsWith("dev/sphere/lab")), "the laboratory stays outside");
    }
  }

  // --- helpers ---

  private static String text(ZipFile jar, String name) throws IOException {
    return new String(jar.getInputStream(jar.getEntry(name)).readAllBytes(), StandardCharsets.UTF_8);
  }

  private void missing(String message, String... programs) throws Exception {
    Path clone = clone(
        List.of("mvn", "cmake", "make", "c++", "git").stream().filter(p -> !List.of(programs).contains(p)).toList());
    Map<String, String> environment = Map.of("PATH", clone.resolve("bin").toString(), "HOME", temp.toString());
    Run run = bare(environment, "/bin/bash", clone.resolve("sphere").toString(), "--version");
    assertEquals(2, run.status(), run.out() + run.err());
    assertEquals(message, run.err().strip());
  }

  /** A folder with the launcher, nothing built, and a bin/ with these programs and what the launcher itself uses. */
  private Path clone(List<String> programs) throws IOException {
    Path clone = Files.createTempDirectory(temp, "clone");
    Files.copy(TOP.resolve("sphere"), clone.resolve("sphere"));
    Files.createDirectory(clone.resolve("native"));
    Files.copy(TOP.resolve("native/tools.sh"), clone.resolve("native/tools.sh"));
    Path bin = Files.createDirectory(clone.resolve("bin"));
    List<String> all = List.of("bash", "dirname", "sed", "grep", "readlink", "find", "cat", "head", "tail", "tee", "mkdir",
        "rm");
    for (String program : all) {
      Files.writeString(bin.resolve(program), "#!/bin/bash\nPATH=/usr/bin:/bin exec " + program + " \"$@\"\n");
    }
    for (String program : programs) {
      Files.writeString(bin.resolve(program), "#!/bin/bash\nexit 99\n");
    }
    try (Stream<Path> files = Files.list(bin)) {
      files.forEach(file -> file.toFile().setExecutable(true));
    }
    return clone;
  }

  private Run sphere(String... args) throws Exception {
    List<String> command = new ArrayList<>(List.of(TOP.resolve("sphere").toString()));
    command.addAll(Arrays.asList(args));
    return start(Map.of("SPHERE_NO_BUILD", "1"), command.toArray(String[]::new));
  }

  private Run start(Map<String, String> environment, String... command) throws Exception {
    Map<String, String> all = new TreeMap<>(System.getenv());
    all.remove("JAVA_TOOL_OPTIONS");
    all.remove("SPHERE_NATIVE_DIR");
    all.putAll(environment);
    return bare(all, command);
  }

  private Run bare(Map<String, String> environment, String... command) throws Exception {
    Path err = Files.createTempFile(temp, "stderr", "");
    ProcessBuilder builder = new ProcessBuilder(command).directory(temp.toFile()).redirectError(err.toFile());
    builder.environment().clear();
    builder.environment().putAll(environment);
    Process process = builder.start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(600, TimeUnit.SECONDS), "hangs: " + String.join(" ", command));
    return new Run(process.exitValue(), out, Files.readString(err));
  }

  private static String java(int version) throws IOException {
    return java(version, Integer.MAX_VALUE);
  }

  /** The java of a JDK whose version lies in the range: this one, or one of /usr/lib/jvm; null when there is none. */
  private static String java(int from, int to) throws IOException {
    if (Runtime.version().feature() >= from && Runtime.version().feature() <= to) {
      return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }
    if (!Files.isDirectory(Path.of("/usr/lib/jvm"))) {
      return null;
    }
    try (Stream<Path> homes = Files.list(Path.of("/usr/lib/jvm"))) {
      for (Path home : homes.filter(h -> Files.isRegularFile(h.resolve("release"))).toList()) {
        String release = Files.readString(home.resolve("release"));
        String version = release.replaceFirst("(?s).*JAVA_VERSION=\"(1\\.)?([0-9]+).*", "$2");
        boolean fits = version.matches("[0-9]{1,3}") && Integer.parseInt(version) >= from
            && Integer.parseInt(version) <= to;
        if (fits && Files.isExecutable(home.resolve("bin/java"))) {
          return home.resolve("bin/java").toString();
        }
      }
    }
    return null;
  }
}
