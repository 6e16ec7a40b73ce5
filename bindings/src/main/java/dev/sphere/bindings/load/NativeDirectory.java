package dev.sphere.bindings.load;

import dev.sphere.base.CacheFolder;
import dev.sphere.base.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A folder that holds the native libraries and their {@code index}: either the user's ({@code SPHERE_NATIVE_DIR}), or
 * a folder of the cache to which the jar's own libraries were extracted.
 *
 * <p>The cache folder's name is the hash of the index, which holds every library's SHA-256: same content, same folder,
 * never extracted twice. It is filled under another name, synced and renamed when it is whole, so that processes which
 * start at the same time, or die in the middle, never see half of it. Before anything is loaded, each library is
 * compared with its SHA-256, in a folder that only this user can write to ({@link CacheFolder}).
 *
 * @param path the folder
 * @param libraries in the order in which they must be loaded
 * @param cpuFeatures what the CPU had that they were compiled for; empty when that is not known
 * @param reason for which CPU they are, and why these
 */
record NativeDirectory(Path path, List<Library> libraries, Set<String> cpuFeatures, String reason) {
  /** One line of the index. */
  record Library(String sha256, long bytes, String file) {}

  static final String HOW_TO_BUILD = "Run './sphere doctor', or build again with 'mvn -q -DskipTests package'.";
  private static final String CUDA_LIBRARY = "libsphere-cuda";
  private static final String ENV = "SPHERE_NATIVE_DIR";
  private static final String PROPERTY = "sphere.native.dir";

  /**
   * All that is loaded with the bindings; libsphere-cuda is not: {@link dev.sphere.bindings.device.Device} loads it
   * when a GPU is to be used.
   */
  List<Path> filesInLoadOrder() {
    return libraries.stream()
        .filter(l -> !l.file().startsWith(CUDA_LIBRARY))
        .map(l -> path.resolve(l.file()))
        .toList();
  }

  /** libsphere-cuda, where the folder has it. */
  Optional<Path> cudaLibrary() {
    return libraries.stream()
        .filter(l -> l.file().startsWith(CUDA_LIBRARY))
        .map(l -> path.resolve(l.file()))
        .findFirst();
  }

  /** The full path of the library whose file name starts so, for messages. */
  String describe(String prefix) {
    return libraries.stream()
        .filter(l -> l.file().startsWith(prefix))
        .map(l -> path.resolve(l.file()).toString())
        .findFirst()
        .orElse(prefix);
  }

  static NativeDirectory find() throws IOException {
    String chosen = System.getProperty(PROPERTY, System.getenv(ENV));
    if (chosen != null && !chosen.isBlank()) {
      return ofUser(Path.of(chosen).toAbsolutePath());
    }
    CpuFamilies.Choice choice = CpuFamilies.choose(offered(), platform(), CpuFamilies.wanted(), CpuFeatures.here());
    String folder = folder(choice.family(), DeviceChoice.wanted());
    byte[] index = resource(folder + "/index");
    if (index == null) {
      throw new NativeUnavailableException(
          "This jar lists libraries in native/" + folder + ", and lacks them. " + HOW_TO_BUILD);
    }
    return extract(folder, choice.reason(), index, CacheFolder.root());
  }

  /**
   * The families of libraries in the jar, best first: lines "platform family" in {@code native/cpus}; each one's needs
   * lie in its folder.
   */
  private static List<CpuFamilies.Family> offered() throws IOException {
    byte[] list = resource("cpus");
    List<CpuFamilies.Family> families = new ArrayList<>();
    for (String line : list == null ? new String[0] : new String(list, StandardCharsets.UTF_8).strip().split("\n")) {
      String[] word = line.split(" ");
      CpuFamilies.Family family = new CpuFamilies.Family(word[0], word[word.length - 1], Set.of());
      families.add(
          new CpuFamilies.Family(family.platform(), family.name(), features(resource(family.folder() + "/cpu"))));
    }
    return families;
  }

  /**
   * The jar's folder of libraries for this process. CPU and CUDA libraries lie side by side: those for CUDA need the
   * driver's library to be loaded at all, so they are taken where it is there, or where CUDA was asked for.
   */
  private static String folder(CpuFamilies.Family family, String wanted) throws IOException {
    String cuda = platform() + "-cuda";
    boolean there = resource(cuda + "/index") != null && System.getProperty(DeviceChoice.LIBRARY_PROPERTY) == null;
    return there && !wanted.equals("cpu") && (!wanted.equals("auto") || driver()) ? cuda : family.folder();
  }

  /** Whether the NVIDIA driver's library can be loaded. */
  private static boolean driver() {
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup.libraryLookup("libcuda.so.1", arena);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static NativeDirectory ofUser(Path directory) throws IOException {
    Path index = directory.resolve("index");
    if (!Files.isRegularFile(index)) {
      throw new NativeUnavailableException(
          ENV + "=" + directory
              + " holds no 'index' file, so it is no folder of Sphere's native libraries. Unset it, or"
              + " make one with: native/build.sh BUILD_DIR " + directory);
    }
    List<Library> libraries = parse(Files.readAllBytes(index), index.toString());
    for (Library library : libraries) {
      Path file = directory.resolve(library.file());
      if (!Files.isRegularFile(file) || Files.size(file) != library.bytes()
          || !Sha256.of(Files.readAllBytes(file)).equals(library.sha256())) {
        throw new NativeUnavailableException(
            ENV + "=" + directory + (Files.exists(file) ? " has another " : " lacks ") + library.file()
                + " than its index names. Make it again with:"
                + " native/build.sh BUILD_DIR " + directory);
      }
    }
    Path cpu = directory.resolve("cpu");
    return new NativeDirectory(directory, libraries, features(Files.exists(cpu) ? Files.readAllBytes(cpu) : null),
        "those of " + ENV);
  }

  /** Extracts the libraries that {@code index} names below {@code cache}, if they aren't there. */
  private static NativeDirectory extract(String folder, String reason, byte[] index, Path cache) throws IOException {
    List<Library> libraries = parse(index, "the jar's index");
    Path parent;
    try {
      parent = CacheFolder.of(cache, "native");
    } catch (IOException e) {
      throw new NativeUnavailableException(
          "The native libraries cannot be extracted: " + cache.resolve("native") + " cannot be used (" + e.getMessage()
              + "). Set XDG_CACHE_HOME to a folder of your own that can be written.",
          e);
    }
    Path target = parent.resolve(Sha256.of(index).substring(0, 24));
    if (!complete(target, libraries)) {
      Path half = Files.createTempDirectory(target.getParent(), ".half.");
      try {
        for (Library library : libraries) {
          byte[] content = resource(folder + "/" + library.file());
          if (content == null || !Sha256.of(content).equals(library.sha256())) {
            throw new NativeUnavailableException(
                library.file() + " in this jar is " + (content == null ? "missing" : "damaged (wrong SHA-256)") + ". "
                    + HOW_TO_BUILD);
          }
          CacheFolder.write(half.resolve(library.file()), content);
        }
        CacheFolder.write(half.resolve("index"), index);
        publish(half, target, libraries);
      } finally {
        deleteTree(half);
      }
    }
    return new NativeDirectory(target, libraries, features(resource(folder + "/cpu")), reason);
  }

  private static Set<String> features(byte[] cpu) {
    String text = cpu == null ? "" : new String(cpu, StandardCharsets.UTF_8).strip();
    return text.isEmpty() ? Set.of() : Set.of(text.split(" "));
  }

  private static void publish(Path half, Path target, List<Library> libraries) throws IOException {
    for (int attempt = 0; ; attempt++) {
      try {
        CacheFolder.publish(half, target);
        return;
      } catch (FileSystemException e) {
        if (complete(target, libraries)) {
          return; // another process was first
        }
        if (attempt == 3) {
          throw e;
        }
        // One that is not whole or not as it was made (a full disk, a crash, another's hand) is set aside.
        Path aside = Files.createTempDirectory(target.getParent(), ".half.");
        try {
          Files.move(target, aside.resolve("damaged"), StandardCopyOption.ATOMIC_MOVE);
        } finally {
          deleteTree(aside);
        }
      }
    }
  }

  /** True when all is there as it was made, in a folder to which only this user can write. */
  private static boolean complete(Path target, List<Library> libraries) throws IOException {
    if (!Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    CacheFolder.of(target.getParent(), target.getFileName().toString());
    return libraries.parallelStream().allMatch(library -> {
      Path file = target.resolve(library.file());
      try {
        return CacheFolder.isOwn(file) && Files.size(file) == library.bytes()
            && Sha256.of(Files.readAllBytes(file)).equals(library.sha256());
      } catch (IOException e) {
        return false;
      }
    });
  }

  static List<Library> parse(byte[] index, String source) {
    List<Library> libraries = new ArrayList<>();
    for (String line : new String(index, StandardCharsets.UTF_8).split("\n")) {
      String[] word = line.split(" ");
      if (word.length != 3 || !word[0].matches("[0-9a-f]{64}") || !word[1].matches("[0-9]{1,15}")
          || !word[2].matches("[A-Za-z0-9][A-Za-z0-9._+-]*")) {
        throw new NativeUnavailableException(source + " has a bad line: '" + line + "'. " + HOW_TO_BUILD);
      }
      libraries.add(new Library(word[0], Long.parseLong(word[1]), word[2]));
    }
    return List.copyOf(libraries);
  }

  /** The platform as the resource folder names it: "linux-x86_64", "linux-aarch64", "darwin-aarch64". */
  static String platform() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch");
    return (os.contains("mac") ? "darwin" : os.contains("win") ? "windows" : "linux")
        + "-"
        + (arch.equals("amd64") ? "x86_64" : arch.equals("arm64") ? "aarch64" : arch);
  }

  private static byte[] resource(String file) throws IOException {
    try (InputStream in = NativeDirectory.class.getResourceAsStream("/native/" + file)) {
      return in == null ? null : in.readAllBytes();
    }
  }

  private static void deleteTree(Path root) throws IOException {
    if (!Files.exists(root, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (Stream<Path> tree = Files.walk(root)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }
}
