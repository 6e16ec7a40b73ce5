package dev.sphere.web.studio;

import dev.sphere.base.PlainFile;
import dev.sphere.web.HttpError;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** The runs below a folder, found by the files that they are made of. */
final class Runs {
  /** How deep a run may lie below the folder. */
  private static final int DEPTH = 6;

  /** Runs that are shown at most. */
  static final int MOST = 2_000;

  private static final Set<String> SKIPPED = Set.of("checkpoints", "tensorboard", "damaged", "node_modules", "target");

  private final Path root;
  private volatile Map<String, Entry> known = Map.of();

  /** The kinds of runs. */
  enum Kind {
    SEARCH, TRAIN, EVAL, EVOLVE;

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * A run.
   *
   * @param id its path below the folder, with slashes; "." for the folder itself
   * @param path its folder; of an evaluation, the file of answers
   */
  record Entry(String id, Kind kind, Path path) {}

  /** @throws IllegalArgumentException when the folder is not there */
  Runs(Path root) {
    if (!Files.isDirectory(root)) {
      throw new IllegalArgumentException(root + (Files.exists(root) ? " is no folder" : " is not there")
          + ": give the folder that holds your runs, or a run's own");
    }
    try {
      this.root = root.toRealPath(); // a link to a folder is the folder; links below it are not followed
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot open " + root + ": " + e.getMessage(), e);
    }
  }

  Path root() {
    return root;
  }

  /** Looks for runs again; in the order of their ids. */
  Map<String, Entry> scan() {
    Map<String, Entry> found = new TreeMap<>(Comparator.comparing((String id) -> id.equals(".") ? "" : id));
    try {
      Files.walkFileTree(root, EnumSet.noneOf(java.nio.file.FileVisitOption.class), DEPTH, new SimpleFileVisitor<>() {
        @Override
        public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
          String name = folder.getFileName() == null ? "" : folder.getFileName().toString();
          if (!folder.equals(root) && (SKIPPED.contains(name) || name.startsWith("."))) {
            return FileVisitResult.SKIP_SUBTREE;
          }
          Kind kind = kind(folder);
          if (kind != null) {
            add(found, kind, folder);
          }
          return found.size() < MOST ? FileVisitResult.CONTINUE : FileVisitResult.TERMINATE;
        }

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
          if (attributes.isRegularFile() && answers(file)) {
            add(found, Kind.EVAL, file);
          }
          return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException e) {
          return FileVisitResult.CONTINUE; // a folder that may not be read, or is gone
        }
      });
    } catch (IOException e) {
      throw new UncheckedIOException("cannot look for runs in " + root + ": " + e.getMessage(), e);
    }
    known = found;
    return found;
  }

  private void add(Map<String, Entry> found, Kind kind, Path path) {
    String id = root.equals(path) ? "." : root.relativize(path).toString().replace('\\', '/');
    found.put(id, new Entry(id, kind, path));
  }

  /** The run of an id. Only ids that a scan found are known: no path is made of what a browser sends. */
  Entry find(String id) {
    Entry entry = known.get(id);
    if (entry == null || !Files.exists(entry.path())) {
      entry = scan().get(id);
    }
    if (entry == null) {
      throw new HttpError(404, "there is no run " + id + " below " + root);
    }
    return entry;
  }

  /** The run of an id, which must be of a kind. */
  Entry find(String id, Kind kind) {
    Entry entry = find(id);
    if (entry.kind() != kind) {
      throw new HttpError(404, id + " is no " + kind.label() + " but a run of " + entry.kind().label());
    }
    return entry;
  }

  private static Kind kind(Path folder) {
    if (Files.exists(folder.resolve("recipe.json")) && Files.exists(folder.resolve("base-answers.jsonl"))
        || Files.exists(folder.resolve("recipe.json")) && Files.isDirectory(folder.resolve("round-1"))) {
      return Kind.EVOLVE;
    }
    boolean search = Files.exists(folder.resolve("run.json"))
        || Files.exists(folder.resolve("results.jsonl")) && Files.exists(folder.resolve("stages.jsonl"));
    return search ? Kind.SEARCH : Files.exists(folder.resolve("metrics.jsonl")) ? Kind.TRAIN : null;
  }

  /** Is it a file of an evaluation's answers, or its journal? Its first line says so. */
  private static boolean answers(Path file) {
    String name = file.getFileName().toString();
    if (!name.endsWith(".jsonl") && !name.endsWith(".jsonl.part")) {
      return false;
    }
    try (BufferedReader in = new BufferedReader(
        new InputStreamReader(PlainFile.read(file), StandardCharsets.ISO_8859_1))) {
      char[] head = new char[64];
      int n = in.read(head);
      String begin = n <= 0 ? "" : new String(head, 0, n);
      return begin.startsWith("{\"problemId\":")
          || begin.startsWith("{\"crc\":\"") && begin.startsWith("\"evaluation\":", 19)
          || begin.startsWith("{\"evaluation\":");
    } catch (IOException e) {
      return false;
    }
  }
}
