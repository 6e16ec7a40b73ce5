package dev.sphere.engine.eval;

import dev.sphere.base.AtomicFile;
import dev.sphere.bindings.device.Arithmetic;
import dev.sphere.engine.data.Shard;
import dev.sphere.engine.store.Journal;
import dev.sphere.engine.store.StoreException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * An evaluation that many processes make: {@code FILE.shards/00003.jsonl} has the third shard's answers, whole, with
 * checksums and what they are made from. A process writes into a journal of its own beside it. Without locks: a task that is
 * started again goes on with the fullest journal before it, and two that do the same write the same file.
 */
public final class AnswerShards {
  private static final String SHARD = "shard";

  private final Path file;
  private final Shard shard;
  private final Map<String, String> identity;

  /**
   * @param file the evaluation's file, which {@link #merge} makes
   * @param identity what the answers of all shards are made from
   */
  public AnswerShards(Path file, Shard shard, Map<String, String> identity) {
    this.file = file;
    this.shard = shard;
    this.identity = new LinkedHashMap<>(identity);
    this.identity.put(SHARD, shard.toString());
  }

  private static Path folder(Path file) {
    return file.resolveSibling(file.getFileName() + ".shards");
  }

  /** The shard's file, there when it is whole. */
  public Path whole() {
    return folder(file).resolve(name(shard.number()) + ".jsonl");
  }

  private static String name(int number) {
    return String.format(Locale.ROOT, "%05d", number);
  }

  /**
   * The answers of a shard that is whole, in the order of its problems; null when it is not.
   *
   * @throws IllegalArgumentException when it was made from something else
   */
  public List<Answered> answers() {
    if (!Files.exists(whole())) {
      return null;
    }
    Journal.Content<Answered> there = Journal.read(AnswerFile.JOURNAL, whole());
    if (there.made() == null || !there.findings().isEmpty()) {
      return null; // damaged: asked again, and replaced
    }
    List<String> differences = differences(there.made(), identity);
    if (!differences.isEmpty()) {
      throw new IllegalArgumentException("the shard " + whole() + " was made from something else: " + String.join("; ", differences)
          + "; use the same settings, or another --out");
    }
    return there.rows().values().stream().flatMap(List::stream).toList();
  }

  /** Opens a journal of this process's own, with the answers of the fullest one that an earlier task left. */
  public Journal<Answered> open(int perProblem) {
    Path folder = folder(file);
    Path mine = folder.resolve(name(shard.number()) + ".attempt-" + ProcessHandle.current().pid() + "-" + Long.toHexString(System.nanoTime())
        + ".part");
    try {
      AtomicFile.createFolders(folder);
      Journal.Content<Answered> fullest = attempts().stream()
          .map(attempt -> Journal.read(AnswerFile.JOURNAL, attempt))
          .filter(there -> there.made() != null && differences(there.made(), identity).isEmpty())
          .max(Comparator.comparingInt(there -> there.rows().size()))
          .orElse(null);
      if (fullest != null) {
        AtomicFile.write(mine, Journal.lines(AnswerFile.JOURNAL, identity, fullest.rows().values().stream().flatMap(List::stream).toList()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write to " + folder + ": " + e.getMessage(), e);
    }
    return Journal.open(AnswerFile.JOURNAL, whole(), mine, identity, perProblem, true);
  }

  /** Makes the shard whole, and removes the journal. */
  public void finish(Journal<Answered> journal, List<Answered> inOrder) {
    Path whole = whole();
    try { // another process may be writing the same
      AtomicFile.write(whole, AtomicFile.uniqueName(whole), AtomicFile.Access.UMASK,
          AtomicFile.inStream(Journal.lines(AnswerFile.JOURNAL, identity, inOrder)));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + whole + ": " + e.getMessage(), e);
    }
    journal.remove();
  }

  private List<Path> attempts() throws IOException {
    try (Stream<Path> entries = Files.list(folder(file))) {
      return entries.filter(p -> p.getFileName().toString().matches(name(shard.number()) + "\\.attempt-.*\\.part")).sorted().toList();
    }
  }

  private static List<String> differences(Map<String, String> there, Map<String, String> now) {
    List<String> differences = new ArrayList<>();
    TreeSet<String> names = new TreeSet<>(there.keySet());
    names.addAll(now.keySet());
    for (String name : names) {
      String then = there.get(name);
      String wanted = now.get(name);
      if (name.equals(Arithmetic.NAME)) {
        if (Arithmetic.differ(then, wanted)) {
          differences.add("its arithmetic is " + then + ", not " + wanted + " (" + Arithmetic.advice() + ")");
        }
      } else if (then == null || !then.equals(wanted)) {
        differences.add("its " + name + " is " + then + ", not " + wanted);
      }
    }
    return differences;
  }

  /**
   * Makes one file of all shards, as one process would have made it.
   *
   * @param made takes what the answers are made from
   * @return the answers
   * @throws StoreException.Refused when shards are missing, damaged or differ; all are named
   */
  public static List<Answered> merge(Path file, Map<String, String> made) {
    Map<Integer, Journal.Content<Answered>> shards = new LinkedHashMap<>();
    List<Path> files = List.of();
    if (Files.isDirectory(folder(file))) {
      try (Stream<Path> entries = Files.list(folder(file))) {
        files = entries.filter(p -> p.getFileName().toString().matches("[0-9]{5,6}\\.jsonl")).sorted().toList();
      } catch (IOException e) {
        throw new UncheckedIOException("cannot list " + folder(file) + ": " + e.getMessage(), e);
      }
    }
    if (files.isEmpty()) {
      throw new StoreException.Refused("there are no finished shards in " + folder(file) + ": evaluate with --shard and --out " + file);
    }
    files.forEach(p -> shards.put(Integer.parseInt(p.getFileName().toString().replace(".jsonl", "")), Journal.read(AnswerFile.JOURNAL, p)));
    Map<String, String> first = shards.values().stream().map(Journal.Content::made).filter(m -> m != null).findFirst().orElse(Map.of());
    String its = first.getOrDefault(SHARD, "");
    int count = its.matches("[0-9]+/[0-9]{1,6}") ? Integer.parseInt(its.substring(its.indexOf('/') + 1)) : 0;
    List<String> wrong = new ArrayList<>();
    for (int number = 1; number <= Math.max(count, shards.keySet().stream().max(Comparator.naturalOrder()).orElse(0)); number++) {
      Journal.Content<Answered> shard = shards.get(number);
      if (shard == null) {
        wrong.add("shard " + number + "/" + count + " is missing");
      } else if (shard.made() == null || !shard.findings().isEmpty()) {
        wrong.add("shard " + number + "/" + count + " is damaged");
      } else {
        Map<String, String> wanted = new LinkedHashMap<>(first);
        wanted.put(SHARD, number + "/" + count);
        List<String> differences = differences(shard.made(), wanted);
        if (!differences.isEmpty()) {
          wrong.add("shard " + number + "/" + count + " differs: " + String.join("; ", differences));
        }
      }
    }
    if (!wrong.isEmpty()) {
      throw new StoreException.Refused(file + " cannot be made yet: " + String.join(". ", wrong) + ". Start those again, then merge");
    }
    List<List<List<Answered>>> parts = new ArrayList<>();
    shards.values().forEach(shard -> parts.add(new ArrayList<>(shard.rows().values())));
    List<Answered> all = Shard.together(parts).stream().flatMap(List::stream).toList();
    AnswerFile.write(file, all);
    first.forEach((name, value) -> {
      if (!name.equals(SHARD) && !name.equals(Arithmetic.NAME)) {
        made.put(name, value);
      }
    });
    return all;
  }
}
