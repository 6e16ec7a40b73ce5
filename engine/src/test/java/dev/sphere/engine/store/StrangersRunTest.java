package dev.sphere.engine.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.data.Shard;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** A run that a stranger made: its links, pipes and devices are refused by name, and nothing outside is touched. */
class StrangersRunTest {
  private static final String MINE = "export PATH=/usr/bin\n";

  @TempDir Path dir;
  private Path run;
  private Path outside;

  @BeforeEach
  void run() throws Exception {
    run = dir.resolve("run");
    FakeRun.run(run, false, 1, 2);
    outside = Files.writeString(dir.resolve("profile"), MINE);
  }

  private Path link(String name, Path target) throws IOException {
    Files.deleteIfExists(run.resolve(name));
    return Files.createSymbolicLink(run.resolve(name), target);
  }

  private void resume() {
    RunFolder.open(run, FakeRun.provenance(1), FakeRun.problems(FakeRun.PROBLEMS), true).close();
  }

  private static void refused(String name, Executable opening) {
    StoreException e = assertTimeoutPreemptively(
        Duration.ofSeconds(20), () -> assertThrows(StoreException.class, opening), name);
    assertTrue(e.getMessage().contains(name) && e.getMessage().contains("no plain file"), e.getMessage());
  }

  @Test
  void aFlagIsNotWrittenThroughALink() throws Exception {
    Path missing = dir.resolve("bashrc");
    for (Path target : List.of(outside, missing)) {
      link("flags.jsonl", target);
      refused("flags.jsonl", () -> PairFlags.add(run, "k", "$(id)", "generation", PairFlags.Flag.SAME));
    }
    assertEquals(MINE, Files.readString(outside));
    assertFalse(Files.exists(missing));
  }

  @Test
  void resumingWritesThroughNoLink() throws Exception {
    for (String name : List.of("lock", "stages.jsonl", "tree.jsonl", "results.jsonl", "problems.jsonl", "run.json")) {
      byte[] own = Files.readAllBytes(run.resolve(name));
      link(name, outside);
      refused(name, this::resume);
      assertEquals(MINE, Files.readString(outside), name);
      Files.delete(run.resolve(name));
      Files.write(run.resolve(name), own);
    }
    resume();
  }

  @Test
  void damageIsNotKeptOutside() throws Exception {
    Path elsewhere = Files.createDirectory(dir.resolve("elsewhere"));
    link("damaged", elsewhere);
    Files.writeString(run.resolve("stages.jsonl"), "no record\n");
    refused("damaged", this::resume);
    try (Stream<Path> files = Files.list(elsewhere)) {
      assertEquals(0, files.count());
    }
  }

  @Test
  void shardsAreNotWrittenOutside() throws Exception {
    Path elsewhere = Files.createDirectory(dir.resolve("elsewhere"));
    link("shards", elsewhere);
    refused("shards", () -> new ShardFolder(run, new Shard(1, 2, true)).begin(FakeRun.provenance(1), FakeRun.problems(2)));
    try (Stream<Path> files = Files.list(elsewhere)) {
      assertEquals(0, files.count());
    }
  }

  @Test
  void nothingWaitsForAPipe() throws Exception {
    for (String name : List.of("flags.jsonl", "stages.jsonl", "results.jsonl", "pairs.jsonl", "problems.jsonl", "lock")) {
      Path file = run.resolve(name);
      byte[] own = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
      Files.deleteIfExists(file);
      assertEquals(0, new ProcessBuilder("mkfifo", file.toString()).start().waitFor());
      if (name.equals("flags.jsonl")) {
        refused(name, () -> PairFlags.read(run));
      } else {
        refused(name, this::resume);
      }
      Files.delete(file);
      Files.write(file, own);
    }
    resume();
  }

  @Test
  void anEndlessDeviceIsNotRead() throws Exception {
    for (String name : List.of("run.json", "problems.jsonl", "results.jsonl")) {
      byte[] own = Files.readAllBytes(run.resolve(name));
      link(name, Path.of("/dev/zero"));
      refused(name, () -> RunReader.read(run));
      Files.delete(run.resolve(name));
      Files.write(run.resolve(name), own);
    }
    RunReader.read(run);
  }

  @Test
  void theRunsOwnFolderMayBeALink() throws Exception {
    Path latest = Files.createSymbolicLink(dir.resolve("latest"), run);
    assertTrue(RunReader.read(latest).complete());
    RunFolder.open(latest, FakeRun.provenance(1), FakeRun.problems(FakeRun.PROBLEMS), true).close();
  }

  /** A write that an interrupt meets is done, and the other threads' too. */
  @Test
  void anInterruptLosesNoLine() throws Exception {
    Path file = dir.resolve("log.jsonl");
    try (AppendLog log = AppendLog.open(file)) {
      List<Thread> threads = Stream.generate(() -> Thread.ofPlatform().unstarted(() -> {
        for (int i = 0; i < 50; i++) {
          Thread.currentThread().interrupt();
          log.append("{\"n\":1}".getBytes());
          assertTrue(Thread.interrupted());
        }
      })).limit(4).toList();
      threads.forEach(Thread::start);
      for (Thread thread : threads) {
        thread.join();
      }
    }
    int[] whole = {0};
    CheckedLines.read(file, (number, from, to, object, ended) -> whole[0] += object != null && ended ? 1 : 0);
    assertEquals(200, whole[0]);
  }
}
