package dev.sphere.engine.eval;

import dev.sphere.base.AtomicFile;
import dev.sphere.bindings.device.Arithmetic;
import dev.sphere.engine.data.Shard;
import dev.sphere.engine.store.Journal;
import dev.sphere.engine.store.RunIdentity;
import dev.sphere.engine.store.ShardPlaces;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One shard of an evaluation, in {@code FILE.shards} (see {@link ShardPlaces}): a journal with the answers to the
 * shard's problems and their identity.
 */
public final class AnswerShards {
  private static final String ENDING = ".jsonl";

  private final ShardPlaces places;
  private final Map<String, String> identity;

  /**
   * The answers of all shards.
   *
   * @param answers in the problems' order
   * @param made their identity
   */
  public record Merged(List<Answered> answers, Map<String, String> made) {}

  /**
   * @param file the evaluation's file, which {@link #merge} makes
   * @param identity of the answers of all shards
   */
  public AnswerShards(Path file, Shard shard, Map<String, String> identity) {
    this.places = new ShardPlaces(folder(file), ENDING, shard);
    this.identity = new LinkedHashMap<>(identity);
    this.identity.put(ShardPlaces.SHARD, shard.toString());
  }

  private static Path folder(Path file) {
    return file.resolveSibling(file.getFileName() + ".shards");
  }

  /** The shard's file, there when it is whole. */
  public Path whole() {
    return places.whole();
  }

  /**
   * The answers of a shard that is whole, in the order of its problems.
   *
   * @return empty when they are still to be made
   * @throws dev.sphere.engine.store.StoreException.Refused when this or another shard was made from something else
   */
  public Optional<List<Answered>> answers() {
    places.requireSame(identity, AnswerShards::made);
    return made(whole()).map(made -> {
      RunIdentity.require("the shard " + whole(), made, identity, "Use the same settings, or another --out");
      return flat(read(whole()).rows().values());
    });
  }

  private static Journal.Content<Answered> read(Path shard) {
    return Journal.read(AnswerFile.JOURNAL, shard);
  }

  /** The identity of a shard; empty where it is damaged, or not there. */
  private static Optional<Map<String, String>> made(Path shard) {
    Journal.Content<Answered> there = read(shard);
    return there.findings().isEmpty() ? there.made() : Optional.empty();
  }

  private static List<Answered> flat(Collection<List<Answered>> rows) {
    return rows.stream().flatMap(List::stream).toList();
  }

  /** Opens a journal of this process's own, with the answers of the fullest one that an earlier task left. */
  public Journal<Answered> open(int perProblem) {
    Path mine = places.attempt();
    try {
      AtomicFile.createFolders(places.folder());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write to " + places.folder() + ": " + e.getMessage(), e);
    }
    places.attempts().stream().map(AnswerShards::read)
        .filter(there -> there.made().isPresent() && RunIdentity.differences(there.made().get(), identity).isEmpty())
        .max(Comparator.comparingInt(there -> there.rows().size()))
        .ifPresent(there -> AtomicFile.write(
            mine, Journal.lines(AnswerFile.JOURNAL, identity, flat(there.rows().values()))));
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

  /**
   * Makes one file of all shards, as one process would have made it.
   *
   * @throws dev.sphere.engine.store.StoreException.Refused when shards are missing, damaged or differ; all are named
   */
  public static Merged merge(Path file) {
    List<Path> shards = ShardPlaces.complete(folder(file), ENDING, AnswerShards::made);
    List<List<List<Answered>>> parts = new ArrayList<>();
    shards.forEach(shard -> parts.add(List.copyOf(read(shard).rows().values())));
    List<Answered> all = flat(Shard.together(parts));
    AnswerFile.write(file, all);
    Map<String, String> made = new LinkedHashMap<>(made(shards.getFirst()).orElseThrow());
    made.remove(ShardPlaces.SHARD);
    made.remove(Arithmetic.NAME);
    return new Merged(all, made);
  }
}
