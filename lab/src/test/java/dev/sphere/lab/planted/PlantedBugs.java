package dev.sphere.lab.planted;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;

/** Plants bugs and looks whether the tests notice them; see lab/studies/planted-bugs.sh. */
public final class PlantedBugs {
  /** Modules whose tests load native libraries: a process of their own for each bug. */
  private static final Set<String> FORKED = Set.of("bindings", "trainer", "cli", "lab");
  private static final List<String> MODULES = List.of("bindings", "grade", "engine", "trainer", "web", "cli", "lab");

  private static final String OURS = Path.of("lab/target/test-classes").toAbsolutePath().toString();

  private final Path work;
  private final String libraries;
  private final int seconds;
  private final JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();

  private PlantedBugs(Path work, String libraries, int seconds) {
    this.work = work;
    this.libraries = libraries;
    this.seconds = seconds;
  }

  /** A change in one method of a source file; the tests that should notice the change, by module. */
  record Bug(String name, Path file, String method, String before, String after, Map<String, Set<String>> tests) {
    /**
     * The changed source, its indentation kept.
     *
     * @param top the folder that holds the modules
     * @throws IllegalArgumentException when the table no longer fits the source
     */
    String planted(Path top) throws IOException {
      String source = Files.readString(top.resolve(file));
      int at = source.indexOf(before);
      if (at < 0 || source.indexOf(before, at + 1) >= 0) {
        throw new IllegalArgumentException("\"old\" must stand once in " + file + ", not "
            + (at < 0 ? "nowhere" : "more often"));
      }
      int begin = source.indexOf(method);
      if (begin < 0 || begin > at) {
        throw new IllegalArgumentException(file + " has no " + method + " that begins before \"old\"");
      }
      return source.substring(0, at) + after + source.substring(at + before.length());
    }
  }

  public static void main(String[] args) throws Exception {
    if (args[0].equals("tests")) {
      PrintWriter out = new PrintWriter(System.out, true);
      String failed = failure(List.of(args).subList(1, args.length), PlantedBugs.class.getClassLoader(), out);
      if (failed != null) {
        out.println("\nFAILED " + failed);
      }
      System.exit(failed == null ? 0 : 1);
    }
    List<String> wanted = List.of(args).subList(Math.min(args.length, 4), args.length);
    List<Bug> bugs = new ArrayList<>();
    for (Path file : tables(Path.of("lab/planted"))) {
      if (args.length < 4 || file.getFileName().toString().equals(args[3] + ".txt")) {
        read(file).stream().filter(b -> wanted.isEmpty() || wanted.stream().anyMatch(b.name::contains))
            .forEach(bugs::add);
      }
    }
    System.exit(new PlantedBugs(Path.of(args[0]), args[1], Integer.parseInt(args[2])).all(bugs) ? 0 : 1);
  }

  private boolean all(List<Bug> bugs) throws Exception {
    Map<String, Set<String>> tests = new LinkedHashMap<>();
    bugs.forEach(b -> b.tests.forEach((m, t) -> t.forEach(
        name -> tests.computeIfAbsent(m, x -> new LinkedHashSet<>()).add(name.replaceFirst("#.*", "")))));
    Path nothing = Files.createDirectories(work.resolve("nothing"));
    for (Map.Entry<String, Set<String>> of : tests.entrySet()) {
      if (noticed(nothing, of.getKey(), of.getValue(), 10 * seconds) != null) {
        System.out.println("Tests of " + of.getKey() + " fail without any bug:");
        System.out.print(Files.readString(work.resolve("output")));
        return false;
      }
    }
    int unnoticed = 0;
    for (Bug bug : bugs) {
      String verdict = verdict(bug);
      unnoticed += verdict.startsWith("noticed") ? 0 : 1;
      System.out.printf("%-44s %s%n", bug.name, verdict);
    }
    System.out.println(bugs.size() - unnoticed + " of " + bugs.size() + " planted bugs noticed");
    return unnoticed == 0;
  }

  private String verdict(Bug bug) throws Exception {
    Path source = Files.createDirectories(work.resolve("source")).resolve(bug.file.getFileName());
    try {
      Files.writeString(source, bug.planted(Path.of("")));
    } catch (IOException | IllegalArgumentException e) {
      return "STALE: " + e.getMessage();
    }
    Path classes = Files.createTempDirectory(work, "classes");
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    if (compiler.run(null, said, said, "-nowarn", "-parameters", "-d", classes.toString(), "-cp", path(classes, null),
        source.toString()) != 0) {
      return "DOES NOT COMPILE:\n" + said;
    }
    for (Map.Entry<String, Set<String>> of : bug.tests.entrySet()) {
      String by = noticed(classes, of.getKey(), of.getValue(), seconds);
      if (by != null) {
        return "noticed by " + by;
      }
    }
    return "SURVIVED";
  }

  /** Which test failed with these classes in front; null when all passed. */
  private String noticed(Path classes, String module, Set<String> tests, int limit) throws Exception {
    if (!FORKED.contains(module)) {
      return noticedHere(classes, module, names(Path.of(""), module, tests), limit);
    }
    List<String> command = new ArrayList<>(List.of("java", "--enable-native-access=ALL-UNNAMED", "-Xmx2g",
        "-XX:TieredStopAtLevel=1", "-cp", path(classes, module), PlantedBugs.class.getName(), "tests"));
    // Of a class with a case for each option: those of one option alone.
    tests.stream().filter(t -> t.contains("#")).findFirst()
        .ifPresent(t -> command.add(1, "-Dsphere.test.option=" + t.substring(t.indexOf('#') + 1)));
    command.addAll(names(Path.of(""), module, tests));
    int status = call(Path.of(module), limit, command.toArray(String[]::new));
    if (status == 0) {
      return null;
    }
    List<String> output = Files.readAllLines(work.resolve("output"));
    return output.stream().filter(l -> l.startsWith("FAILED ")).map(l -> l.substring(7)).findFirst()
        .orElse("exit status " + status + (status == 124 ? " (hung)" : ""));
  }

  /** The same without a process of its own, in a class loader of its own. */
  private String noticedHere(Path classes, String module, List<String> names, int limit) throws Exception {
    List<URL> urls = new ArrayList<>();
    for (String entry : path(classes, module).split(File.pathSeparator)) {
      if (!entry.endsWith(".jar") && !entry.equals(OURS)) {
        urls.add(Path.of(entry).toUri().toURL());
      }
    }
    String[] failed = new String[1];
    try (URLClassLoader loader = new URLClassLoader(urls.toArray(URL[]::new))) {
      Thread tests = new Thread(() -> {
        try {
          StringWriter said = new StringWriter();
          failed[0] = failure(names, loader, new PrintWriter(said, true));
          Files.writeString(work.resolve("output"), said.toString());
        } catch (Exception | LinkageError e) {
          failed[0] = e.toString();
        }
      });
      tests.setDaemon(true);
      tests.setContextClassLoader(loader);
      tests.start();
      tests.join(1000L * limit);
      return tests.isAlive() ? "a test that hung" : failed[0];
    }
  }

  /** The test classes of those names that a module has, in the order of the table. */
  static List<String> names(Path top, String module, Set<String> tests) throws IOException {
    Path root = top.resolve(module).resolve("src/test/java");
    List<String> found = new ArrayList<>();
    try (Stream<Path> walk = Files.walk(root)) {
      List<Path> sources = walk.filter(s -> s.toString().endsWith(".java")).toList();
      for (String test : tests) {
        String file = test.replaceFirst("#.*", "") + ".java";
        sources.stream().filter(s -> s.getFileName().toString().equals(file)).findFirst().ifPresent(s ->
            found.add(root.relativize(s).toString().replace(".java", "").replace(File.separatorChar, '.')));
      }
    }
    return found;
  }

  /** The class path: changed classes, this program, all modules (the tested one's tests first), libraries. */
  private String path(Path classes, String module) {
    List<String> path = new ArrayList<>(List.of(classes.toAbsolutePath().toString(), OURS));
    if (module != null) {
      path.add(Path.of(module, "target/test-classes").toAbsolutePath().toString());
    }
    MODULES.forEach(m -> path.add(Path.of(m, "target/classes").toAbsolutePath().toString()));
    path.addAll(Arrays.asList(libraries.split(File.pathSeparator)));
    return String.join(File.pathSeparator, path);
  }

  private int call(Path directory, int limit, String... command) throws Exception {
    String home = System.getProperty("java.home");
    command[0] = Path.of(home, "bin", command[0]).toString();
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
        .directory(directory.toAbsolutePath().toFile()).redirectOutput(work.resolve("output").toFile());
    builder.environment().put("GOMP_SPINCOUNT", "1000");
    Process process = builder.start();
    if (!process.waitFor(limit, TimeUnit.SECONDS)) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly().waitFor();
      return 124;
    }
    return process.exitValue();
  }

  /** Runs test classes until one fails: that one and its first failure; null when all passed. */
  private static String failure(List<String> classes, ClassLoader loader, PrintWriter out) throws Exception {
    SummaryGeneratingListener summary = new SummaryGeneratingListener();
    for (String name : classes) {
      LauncherFactory.create().execute(LauncherDiscoveryRequestBuilder.request()
          .selectors(selectClass(Class.forName(name, false, loader))).build(), summary);
      if (summary.getSummary().getTotalFailureCount() > 0) {
        summary.getSummary().printFailuresTo(out);
        return name.substring(name.lastIndexOf('.') + 1) + ": "
            + summary.getSummary().getFailures().stream().map(f -> f.getTestIdentifier().getDisplayName())
                .distinct().collect(Collectors.joining(", "));
      }
    }
    return null;
  }

  /** The tables of a folder. */
  static List<Path> tables(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(f -> f.toString().endsWith(".txt")).sorted().toList();
    }
  }

  /** The bugs of a table. */
  static List<Bug> read(Path file) throws IOException {
    List<Bug> bugs = new ArrayList<>();
    Map<String, String> fields = new LinkedHashMap<>();
    Map<String, Set<String>> tests = new LinkedHashMap<>();
    for (String line : (Files.readString(file) + "\nbug ").split("\n")) {
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      String key = line.split(" ", 2)[0];
      String value = line.length() > 6 ? line.substring(Math.min(line.length(), column(key))) : "";
      switch (key) {
        case "bug" -> {
          if (!fields.isEmpty()) {
            bugs.add(bug(file, fields, tests));
          }
          fields = new LinkedHashMap<>();
          tests = new LinkedHashMap<>();
          if (!value.isBlank()) {
            fields.put("bug", value.strip());
          }
        }
        case "tests" -> {
          String[] of = value.strip().split(" +", 2);
          tests.computeIfAbsent(of[0], x -> new LinkedHashSet<>()).addAll(List.of(of[1].split(", *")));
        }
        case "in" -> fields.put(key, value.strip());
        case "old", "new" -> fields.merge(key, value, (a, b) -> a + "\n" + b);
        default -> throw new IllegalArgumentException(file + ": what is \"" + key + "\"?");
      }
    }
    return bugs;
  }

  /** Where a value begins: in the seventh column, so that the lines of a block stand under each other. */
  private static int column(String key) {
    return key.equals("tests") || key.length() < 6 ? 6 : key.length() + 1;
  }

  private static Bug bug(Path file, Map<String, String> fields, Map<String, Set<String>> tests) {
    if (!fields.keySet().containsAll(Set.of("bug", "in", "old", "new")) || tests.isEmpty()) {
      throw new IllegalArgumentException(file + ": a bug needs bug, in, old, new and tests: " + fields);
    }
    String[] in = fields.get("in").split(" +");
    if (in.length != 2) {
      throw new IllegalArgumentException(file + ": \"in\" names a file and a method, not: " + fields.get("in"));
    }
    return new Bug(fields.get("bug"), Path.of(in[0]), in[1], fields.get("old").stripLeading(),
        fields.get("new").stripLeading(), Map.copyOf(tests));
  }
}
