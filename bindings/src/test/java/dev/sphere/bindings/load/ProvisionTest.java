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
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * native/provision.sh without a network: a small project with llama.cpp's file names and targets, in a local git
 * repository, stands for the real one; a copy of the script has this one's digest and address.
 */
class ProvisionTest {
  private static final Path SCRIPT = Path.of("../native/provision.sh").toAbsolutePath().normalize();

  @TempDir Path temp;
  private Path script; // SCRIPT, with the small project in llama.cpp's place
  private Path checkout;
  private Path programs; // what a build needs, without npm

  private record Run(int status, String out, String err) {
    Path folder() {
      assertEquals(0, status, err);
      return Path.of(out.strip());
    }
  }

  @BeforeEach
  void makeSource() throws Exception {
    checkout = temp.resolve("checkout");
    write("include/llama.h", "const char * llama_version(void);\n");
    write("ggml/include/ggml.h", "int ggml_base(void);\n");
    write("LICENSE", "as you like\n");
    write("a.c", "int NAME(void) { return 0; }\n");
    version("0.5.0");
    sh(checkout, "git init -q && git config user.email t@example.org && git config user.name t && git add . &&"
        + " git commit -qm source && git tag v0.5.0");
    String digest =
        sh(checkout, "find . -path ./.git -prune -o -type f -exec sha256sum {} + | LC_ALL=C sort | sha256sum");
    script = temp.resolve("provision.sh");
    Files.writeString(
        script,
        Files.readString(SCRIPT)
            .replaceFirst("(?m)^SOURCE=.*$", "SOURCE=" + digest.substring(0, 64))
            .replace("https://github.com/ggml-org/llama.cpp.git", checkout.toString()));
    Files.createDirectories(temp.resolve("src/common"));
    for (String file : new String[] {"cpus.sh", "cache.sh", "src/common/amx_intrinsics.h"}) {
      Files.copy(SCRIPT.resolveSibling(file), temp.resolve(file));
    }
    programs = Files.createDirectory(temp.resolve("programs"));
    sh(
        programs,
        "for f in bash sh env git cmake ninja make cc gcc c++ g++ ar ranlib ld as nm readelf strip tar gzip"
            + " sed grep awk mawk gawk find sort paste head tail cut tr cat cp mv rm mkdir mktemp ls touch dirname basename"
            + " sha256sum sha512sum uname date getconf sleep flock chmod readlink id sync; do"
            + " p=$(command -v $f) && ln -s \"$p\" $f; done; true");
  }

  @AfterEach
  void removeLinks() throws Exception {
    sh(temp, "rm -rf programs"); // JUnit warns about each link that it removes itself
  }

  @Test
  void fromGitWhereNpmIsMissingAndThenFromTheCache() throws Exception {
    Run first = provision(Map.of("PATH", programs.toString(), "LLAMA_CPP_GIT", checkout.toString()));
    Path folder = first.folder();
    assertEquals("0.5.0", Files.readString(folder.resolve("VERSION")).strip());
    List<String> libraries = Files.readAllLines(folder.resolve("LIBS"));
    assertEquals(List.of("libggml-base.so", "libggml-cpu.so", "libggml.so", "libllama.so"), libraries);
    for (String library : libraries) {
      assertTrue(Files.isRegularFile(folder.resolve("lib").resolve(library)), library);
    }
    assertTrue(Files.exists(folder.resolve("include/llama.h")) && Files.exists(folder.resolve("include/ggml.h")));

    sh(temp, "rm -rf checkout");
    Run second = provision(Map.of("PATH", programs.toString(), "LLAMA_CPP_GIT", checkout.toString()));
    assertEquals(folder, second.folder());
    assertEquals("", second.err(), "the second run fetches and builds nothing");
  }

  @Test
  void aCheckoutOfTheUsersOwnComesFirstAndItsChangesCount() throws Exception {
    version("0.6.1");
    Map<String, String> own = Map.of("LLAMA_CPP_DIR", checkout.toString(), "LLAMA_CPP_GIT", "/nowhere");
    Path before = provision(own).folder();
    assertEquals("0.6.1", Files.readString(before.resolve("VERSION")).strip());
    assertEquals(before, provision(own).folder());
    write("a.c", "int NAME(void) { return 1; }\n");
    assertNotEquals(before, provision(own).folder());
    sh(checkout, "test -z \"$(git status --porcelain --ignored | grep -v ' [aC]')\""); // nothing built in the checkout
  }

  @Test
  void eachCpuHasLibrariesOfItsOwnAndWhatDoesNotDependOnItIsBuiltOnce() throws Exception {
    Map<String, String> environment = new TreeMap<>(Map.of("LLAMA_CPP_GIT", checkout.toString()));
    Run first = provision(environment);
    Path here = first.folder();
    assertTrue(first.err().contains("(about 3 minutes of one core"), first.err());
    environment.put("SPHERE_CPU", "native");
    assertEquals(here, provision(environment).folder());
    boolean arm = System.getProperty("os.arch").equals("aarch64");
    environment.put("SPHERE_CPU", arm ? "armv8.2" : "x86-64-v2");
    Run second = provision(environment);
    Path small = second.folder();
    assertTrue(second.err().contains("(less than a minute of one core"), second.err());
    List<String> libraries = Files.readAllLines(here.resolve("LIBS"));
    assertEquals(libraries, Files.readAllLines(small.resolve("LIBS")));
    for (String library : libraries) {
      assertArrayEquals(
          Files.readAllBytes(here.resolve("lib").resolve(library)),
          Files.readAllBytes(small.resolve("lib").resolve(library)), library);
    }
    assertEquals("", provision(environment).err(), "it is whole");
    environment.put("SPHERE_CPU", "quantum4096");
    Run unknown = provision(environment);
    assertEquals(2, unknown.status());
    assertTrue(unknown.err().startsWith("SPHERE_CPU=quantum4096 is unknown (known: native, "), unknown.err());

    // Other flags give other libraries; and nobody takes what was changed.
    environment.put("SPHERE_CPU", arm ? "armv8.6" : "x86-64-v3");
    environment.put("CFLAGS", "-DOTHER");
    Run large = provision(environment);
    assertEquals(3, Set.of(here, small, large.folder()).size());
    assertTrue(large.err().contains("(about 3 minutes of one core"), large.err());
    environment.remove("CFLAGS");
    sh(temp, "rm -rf " + large.folder());
    for (Path damaged : List.of(here, small)) {
      sh(damaged, "printf x | dd of=lib/libllama.so bs=1 seek=1000 conv=notrunc status=none");
    }
    Run whole = provision(environment);
    assertTrue(whole.err().contains("(about 3 minutes of one core"), whole.err());
  }

  @Test
  void aFolderWithABlankInItsName() throws Exception {
    Path blank = temp.resolve("a checkout");
    Files.move(checkout, blank);
    assertTrue(Files.exists(provision(Map.of("LLAMA_CPP_DIR", blank.toString())).folder().resolve("lib/libllama.so")));
  }

  @Test
  void aFolderThatIsNoCheckoutIsNamed() throws Exception {
    Run run = provision(Map.of("LLAMA_CPP_DIR", temp.toString()));
    assertNotEquals(0, run.status());
    assertTrue(run.err().contains("LLAMA_CPP_DIR=" + temp), run.err());
  }

  @Test
  void anotherVersionFromGitIsRefused() throws Exception {
    version("0.4.9");
    sh(checkout, "git commit -qam other && git tag -f v0.5.0");
    Run run = provision(Map.of("LLAMA_CPP_GIT", checkout.toString()));
    assertNotEquals(0, run.status());
    assertTrue(run.err().contains("0.4.9") && run.err().contains("needs 0.5.0"), run.err());
    assertEquals("", run.out());
  }

  @Test
  void aRepositoryThatIsNotThereNamesTheWaysOut() throws Exception {
    Run run = provision(Map.of("LLAMA_CPP_GIT", temp.resolve("nowhere").toString()));
    assertNotEquals(0, run.status());
    assertTrue(run.err().contains("LLAMA_CPP_DIR"), run.err());
  }

  @Test
  void aPackageWithAnotherChecksumIsNotUsed() throws Exception {
    Path npm = programs.resolve("npm");
    Files.writeString(npm, "#!/bin/sh\necho evil > evil.txt\ntar -czf node-llama-cpp-3.22.1.tgz evil.txt\n");
    sh(programs, "chmod +x npm");
    Run run = provision(Map.of("PATH", programs.toString()));
    assertNotEquals(0, run.status());
    assertTrue(run.err().contains("checksum of node-llama-cpp@3.22.1 is wrong"), run.err());
    assertFalse(Files.exists(temp.resolve("cache/sphere/src")));
  }

  @Test
  void aTagWithOtherFilesIsRefusedAlsoWhereNpmFailsUntilTheUserNamesIt() throws Exception {
    Path pinned = provision(Map.of("LLAMA_CPP_GIT", checkout.toString())).folder();
    assertTrue(origin(pinned).contains("from: " + checkout + ", tag v0.5.0\ncommit: "), origin(pinned));
    sh(temp, "rm -rf cache");
    write("a.c", "int NAME(void) { return 666; }\n");
    sh(checkout, "git commit -qam moved && git tag -f v0.5.0");
    Files.writeString(programs.resolve("npm"), "#!/bin/sh\necho no network >&2\nexit 1\n");
    sh(programs, "chmod +x npm");
    for (String way : List.of("LLAMA_CPP_GIT", "PATH")) {
      Map<String, String> environment = Map.of(way, (way.equals("PATH") ? programs : checkout).toString());
      Run run = provision(environment);
      assertEquals(1, run.status(), run.err());
      assertTrue(run.err().contains("tag v0.5.0 are not those that Sphere was made with"), run.err());
      assertFalse(Files.exists(temp.resolve("cache/sphere/src")) || Files.exists(temp.resolve("cache/sphere/llama")));
    }
    Path named = provision(Map.of("LLAMA_CPP_GIT", checkout.toString(), "LLAMA_CPP_TAG", "v0.5.0")).folder();
    assertNotEquals(pinned, named, "the name says from which source");
    assertTrue(origin(named).contains("commit: " + sh(checkout, "git rev-parse HEAD")), origin(named));
  }

  @Test
  void anEntryThatIsNotWhatWasBuiltIsBuiltAgain() throws Exception {
    Map<String, String> environment = Map.of("LLAMA_CPP_GIT", checkout.toString());
    Path folder = provision(environment).folder();
    byte[] library = Files.readAllBytes(folder.resolve("lib/libllama.so"));
    for (String damage : List.of(
        "printf x | dd of=lib/libllama.so bs=1 seek=1000 conv=notrunc status=none", // a byte
        "echo '#error planted' > include/stdint.h", // on the include path
        "rm include/ggml.h",
        "ln -sf /etc/hostname LICENSE",
        "chmod o+w lib/libggml.so",
        "sed -i 's/^entry: ./entry: 9/' ORIGIN && sed -i '/ORIGIN/d' MANIFEST &&"
            + " sha256sum ./ORIGIN >> MANIFEST && LC_ALL=C sort -o MANIFEST MANIFEST")) { // of another name
      sh(folder, damage);
      Run run = provision(environment);
      assertEquals(folder, run.folder());
      assertTrue(run.err().contains(folder + " is damaged, or others could have changed it"), damage + run.err());
      assertArrayEquals(library, Files.readAllBytes(folder.resolve("lib/libllama.so")), damage);
      assertFalse(Files.exists(folder.resolve("include/stdint.h")), damage);
      assertEquals("", provision(environment).err(), damage);
    }
  }

  @Test
  void aCachedSourceThatWasChangedIsFetchedAgain() throws Exception {
    Map<String, String> environment = new TreeMap<>(Map.of("LLAMA_CPP_GIT", checkout.toString()));
    for (String tag : List.of("", "v0.5.0")) { // pinned, and at the user's word
      environment.put("LLAMA_CPP_TAG", tag);
      Path source = provision(environment, "--source-only").folder();
      Files.writeString(source.resolve("a.c"), "#error planted\n");
      Run run = provision(environment);
      assertEquals(0, run.status(), run.err());
      assertTrue(run.err().contains(source.getParent() + " is damaged, or others could have changed it"), run.err());
      assertEquals(Files.readString(checkout.resolve("a.c")), Files.readString(source.resolve("a.c")));
    }
  }

  @Test
  void aCacheThatOthersMayChangeIsNotUsed() throws Exception {
    Map<String, String> environment = Map.of("LLAMA_CPP_GIT", checkout.toString());
    Path cache = Files.createDirectories(temp.resolve("cache/sphere"));
    sh(cache, "chmod 777 .");
    Run run = provision(environment);
    assertEquals(0, run.status(), run.err());
    assertTrue(run.err().contains("others could write to " + cache + "; not any more"), run.err());
    assertEquals("rwxr-xr-x", PosixFilePermissions.toString(Files.getPosixFilePermissions(cache)));

    // Root can give the folder away; others borrow one of root's.
    sh(temp, "chown 12345 cache/sphere 2> /dev/null || { rm -rf cache/sphere && ln -s /usr cache/sphere; }");
    run = provision(environment);
    assertEquals(1, run.status());
    assertTrue(run.err().contains(cache + " belongs to another user") && run.err().contains("XDG_CACHE_HOME"), run.err());
  }

  @Test
  void whatIsRenamedIsOnTheDiskBefore() throws Exception {
    Files.delete(programs.resolve("sync"));
    Files.writeString(
        programs.resolve("sync"),
        "#!/bin/sh\ncd " + temp + "\necho $2 $(ls $PWD/cache/sphere/src $PWD/cache/sphere/llama) >> synced\n");
    sh(programs, "chmod +x sync");
    Path folder = provision(Map.of("PATH", programs.toString(), "LLAMA_CPP_GIT", checkout.toString())).folder();
    List<String> synced = Files.readAllLines(temp.resolve("synced"));
    assertEquals(4, synced.size(), synced::toString);
    for (int i = 0; i < 4; i += 2) { // the source, then the entry: its files before it has its name, then the name
      String name = i == 0 ? "0.5.0-" : folder.getFileName().toString();
      String place = temp.resolve("cache/sphere") + (i == 0 ? "/src" : "/llama");
      String before = synced.get(i);
      assertTrue(before.matches(".*/\\.building\\.\\w+/entry .*") && !before.contains(place + ": " + name), synced::toString);
      String after = synced.get(i + 1);
      assertTrue(after.startsWith(place + " ") && after.contains(place + ": " + name), synced::toString);
    }
  }

  @Test
  void aKilledBuildLeavesNothingThatIsUsed() throws Exception {
    // A cmake that stops in the middle of the build, as the real one would for minutes.
    Path started = temp.resolve("started");
    Files.delete(programs.resolve("cmake"));
    Files.writeString(programs.resolve("cmake"), "#!/bin/sh\ntouch " + started + "\nexec sleep 600\n");
    sh(programs, "chmod +x cmake");
    Map<String, String> environment = Map.of("PATH", programs.toString(), "LLAMA_CPP_GIT", checkout.toString());
    Process process = start(environment);
    for (int i = 0; i < 6000 && !Files.exists(started); i++) {
      Thread.sleep(50);
    }
    assertTrue(Files.exists(started), "the build never started");
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly().waitFor();
    assertFalse(Files.exists(temp.resolve("cache/sphere/llama")));

    Run run = provision(Map.of("LLAMA_CPP_GIT", checkout.toString()));
    assertTrue(Files.exists(run.folder().resolve("LIBS")));
    try (Stream<Path> left = Files.list(temp.resolve("cache/sphere"))) {
      assertEquals(List.of(), left.filter(p -> p.getFileName().toString().startsWith(".building")).toList());
    }
  }

  @Test
  void aFailedBuildShowsTheCompilersError() throws Exception {
    write("a.c", "int NAME(void) { return forgotten; }\n");
    Run run = provision(Map.of("LLAMA_CPP_DIR", checkout.toString()));
    assertNotEquals(0, run.status());
    assertTrue(run.err().contains("forgotten") && run.err().contains("the build failed"), run.err());
  }

  @Test
  void cudaNeedsTheHeadersOfCublasWhereverTheToolkitHasThem() throws Exception {
    Path toolkit = Files.createDirectory(temp.resolve("toolkit"));
    Path nvcc = programs.resolve("nvcc"); // all that is asked of it: where its toolkit is
    Files.writeString(nvcc, "#!/bin/bash\necho '#$ TOP=" + toolkit + "' >&2\n");
    sh(programs, "chmod +x nvcc");
    Map<String, String> environment = Map.of("PATH", programs.toString(), "LLAMA_CPP_DIR", checkout.toString());
    Run without = provision(environment, "--cuda");
    assertEquals(1, without.status());
    assertTrue(without.err().contains("cuBLAS's headers are not") && without.err().contains("libcublas-dev"),
        without::err);

    for (String where : List.of("include", "targets/x86_64-linux/include")) {
      Path header = toolkit.resolve(where).resolve("cublas_v2.h");
      Files.createDirectories(header.getParent());
      Files.writeString(header, "");
      Run with = provision(environment, "--cuda");
      assertEquals(
          List.of("libggml-base.so", "libggml-cpu.so", "libggml-cuda.so", "libggml.so", "libllama.so"),
          Files.readAllLines(with.folder().resolve("LIBS")), "in the order of loading");
      sh(temp, "rm -rf cache && rm " + header);
    }
  }

  // --- helpers ---

  private static String origin(Path folder) throws IOException {
    return Files.readString(folder.resolve("ORIGIN"));
  }

  private void version(String version) throws IOException {
    String[] part = version.split("\\.");
    write(
        "CMakeLists.txt",
        """
        cmake_minimum_required(VERSION 3.18)
        project(fake C)
        set(LLAMA_VERSION_MAJOR %s)
        set(LLAMA_VERSION_MINOR %s)
        set(LLAMA_VERSION_PATCH %s)
        set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
        foreach(name ggml-base ggml-cpu ggml-cuda ggml llama llama-batched-bench)
          add_library(${name} SHARED a.c)
          string(MAKE_C_IDENTIFIER ${name} symbol)
          target_compile_definitions(${name} PRIVATE NAME=${symbol})
        endforeach()
        """
            .formatted(part[0], part[1], part[2]));
  }

  private void write(String file, String text) throws IOException {
    Path path = checkout.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }

  private Process start(Map<String, String> environment, String... arguments) throws IOException {
    ProcessBuilder builder = new ProcessBuilder("/bin/bash", script.toString());
    builder.command().addAll(List.of(arguments));
    Map<String, String> clean = new TreeMap<>(environment);
    clean.putIfAbsent("PATH", System.getenv("PATH"));
    clean.put("HOME", temp.toString());
    clean.put("XDG_CACHE_HOME", temp.resolve("cache").toString());
    builder.environment().clear();
    builder.environment().putAll(clean);
    builder.redirectError(temp.resolve("stderr").toFile());
    return builder.start();
  }

  private Run provision(Map<String, String> environment, String... arguments) throws Exception {
    Process process = start(environment, arguments);
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(600, TimeUnit.SECONDS), "provision.sh hangs");
    return new Run(process.exitValue(), out, Files.readString(temp.resolve("stderr")));
  }

  private static String sh(Path directory, String command) throws Exception {
    Process process =
        new ProcessBuilder("/bin/bash", "-c", command).directory(directory.toFile()).redirectErrorStream(true).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), command + "\n" + out);
    return out;
  }
}
