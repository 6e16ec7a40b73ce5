package dev.sphere.engine.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ToldProgress;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.RunReport;
import dev.sphere.engine.stage.Stage;
import dev.sphere.faults.Crash;
import dev.sphere.faults.FaultyDisk;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {
  @TempDir Path temporary;

  private static byte[] pairs(Path run) {
    try {
      return Files.readAllBytes(run.resolve("pairs.jsonl"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void theResultDependsNeitherOnHowManyAreInFlightNorOnChance() throws Exception {
    Path one = temporary.resolve("one");
    Path many = temporary.resolve("many");
    Path other = temporary.resolve("other");
    List<ProblemResult> results = FakeRun.run(one, false, 1, 1);
    FakeRun.run(many, false, 1, 8);
    FakeRun.run(other, false, 2, 8);
    assertArrayEquals(pairs(one), pairs(many));
    assertFalse(Arrays.equals(pairs(one), pairs(other)), "another seed gives other pairs");
    // All stages are exercised, or this test and the kill tests prove little.
    RunReport report = RunReport.of(results, null);
    for (Stage stage : Stage.values()) {
      assertTrue(report.pairs().get(stage) > 0, stage + " made no pair");
    }
    assertEquals(FakeRun.PROBLEMS, report.problems());
    assertEquals(report, RunReader.read(many).report());
  }

  @Test
  void aFinishedRunResumedDoesNothing() throws Exception {
    Path run = temporary.resolve("run");
    FakeRun.run(run, false, 1, 4);
    byte[] before = pairs(run);
    long tree = Files.size(run.resolve("tree.jsonl"));
    HashPolicy policy = FakeRun.policy();
    try (RunFolder store = RunFolder.open(run, FakeRun.provenance(1), FakeRun.problems(FakeRun.PROBLEMS), true)) {
      ToldProgress told = new ToldProgress();
      FakeRun.run(store, policy, FakeRun.small(), 1, 4, told);
      assertEquals(FakeRun.PROBLEMS, told.done);
      assertEquals(FakeRun.PROBLEMS, told.first);
      assertEquals(RunReader.read(run).pairs().size(), told.pairs());
    }
    assertEquals(0, policy.generated());
    assertArrayEquals(before, pairs(run));
    assertEquals(tree, Files.size(run.resolve("tree.jsonl")));
  }

  @Test
  void aTreeCutAnywhereGrowsOnAndNothingIsDoneTwice() throws Exception {
    Path whole = temporary.resolve("whole");
    HashPolicy undisturbed = FakeRun.policy();
    try (RunFolder store = RunFolder.open(whole, FakeRun.provenance(1), FakeRun.problems(2), false)) {
      FakeRun.run(store, undisturbed, FakeRun.small(), 1, 1);
    }
    byte[] tree = Files.readAllBytes(whole.resolve("tree.jsonl"));
    List<Integer> ends = new ArrayList<>(List.of(0));
    for (int i = 0; i < tree.length; i++) {
      if (tree[i] == '\n') {
        ends.add(i + 1);
      }
    }
    for (int kept = 0; kept < ends.size(); kept++) {
      Path run = Files.createDirectory(temporary.resolve("cut" + kept));
      for (String file : List.of("run.json", "problems.jsonl")) {
        Files.copy(whole.resolve(file), run.resolve(file));
      }
      int torn = Math.min(tree.length - ends.get(kept), kept * 7 % 200);
      Files.write(run.resolve("tree.jsonl"), Arrays.copyOf(tree, ends.get(kept) + torn));
      HashPolicy policy = FakeRun.policy();
      try (RunFolder store = RunFolder.open(run, FakeRun.provenance(1), FakeRun.problems(2), true)) {
        FakeRun.run(store, policy, FakeRun.small(), 1, 1);
      }
      assertArrayEquals(pairs(whole), pairs(run));
      assertArrayEquals(tree, Files.readAllBytes(run.resolve("tree.jsonl")), "each expansion once, in the same order");
      assertTrue(kept == 0 ? policy.generated() == undisturbed.generated()
          : policy.generated() < undisturbed.generated(), "what was stored was not sampled again");
    }
  }

  @Test
  void aFullDiskIsAClearErrorAndTheRunGoesOn() throws Exception {
    Path whole = temporary.resolve("whole");
    FakeRun.run(whole, false, 1, 4);
    Path run = temporary.resolve("run");
    AtomicLong room = new AtomicLong(40_000);
    LogFile.Opener small = path -> limited(LogFile.plain(path), room);
    try (RunFolder store =
        RunFolder.open(run, FakeRun.provenance(1), FakeRun.problems(FakeRun.PROBLEMS), false, small)) {
      StoreException failure = assertThrows(
          StoreException.class, () -> FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 1, 4));
      assertTrue(failure.getMessage().contains("No space left on device"), failure.getMessage());
      assertTrue(failure.getMessage().contains("--resume"), failure.getMessage());
      assertFalse(Files.exists(run.resolve("pairs.jsonl")));
    }
    assertTrue(Files.size(run.resolve("tree.jsonl")) > 0);
    FakeRun.run(run, true, 1, 4);
    assertArrayEquals(pairs(whole), pairs(run));
  }

  /** A disk that let nothing be synced or cut off, and came back: the next process sees what is not on it. */
  @Test
  void whatAnEarlierProcessCouldNotSyncIsWrittenAgain() throws Exception {
    FaultyDisk disk = new FaultyDisk(Files.createDirectory(temporary.resolve("disk")));
    Path file = disk.root().resolve("log.jsonl");
    try (AppendLog log = AppendLog.open(file)) {
      disk.fail(disk.count() + 2, FaultyDisk.Fault.FOREVER); // the sync, and what would cut off
      assertThrows(StoreException.class, () -> log.append("{\"a\":1}".getBytes()));
      disk.mend();
    }
    AppendLog.open(file, LogFile::again, Long.MAX_VALUE).close();
    AtomicFile.forceFolder(disk.root());
    Path left = Files.createDirectory(temporary.resolve("left"));
    Crash.LOST.leave(disk, disk.changes().size(), new Random(1), left);
    assertTrue(Files.readString(left.resolve("log.jsonl")).contains("\"a\":1"));
  }

  /** Linux forgets what a failed fsync should have written: the next one says that it is there. */
  @Test
  void whatAFailedSyncShouldHaveWrittenIsCutOff() throws Exception {
    Path file = temporary.resolve("log.jsonl");
    AtomicInteger syncs = new AtomicInteger();
    LogFile plain = LogFile.plain(file);
    LogFile.Opener opener = path -> new LogFile() {
      @Override
      public void write(ByteBuffer bytes) throws IOException {
        plain.write(bytes);
      }

      @Override
      public void force() throws IOException {
        if (syncs.incrementAndGet() == 3) {
          throw new IOException("Input/output error");
        }
      }

      @Override
      public void truncate(long size) throws IOException {
        plain.truncate(size);
      }

      @Override
      public void close() throws IOException {
        plain.close();
      }
    };
    try (AppendLog log = AppendLog.open(file, opener, Long.MAX_VALUE)) {
      log.append("{\"n\":1}".getBytes(StandardCharsets.UTF_8));
      byte[] safe = Files.readAllBytes(file);
      log.appendUnforced("{\"n\":2}".getBytes(StandardCharsets.UTF_8));
      byte[] third = "{\"n\":3}".getBytes(StandardCharsets.UTF_8);
      assertThrows(StoreException.class, () -> log.append(third));
      assertArrayEquals(safe, Files.readAllBytes(file));
      assertThrows(StoreException.class, () -> log.append(third), "nothing is written after it");
      assertArrayEquals(safe, Files.readAllBytes(file));
    }
  }

  @Test
  void whatAnotherKindOfCpuBeganIsRefusedUnlessItIsNotKnown() {
    Provenance avx = Provenance.builder().identity("seed", 1).identity("arithmetic", "amd64 avx2").build();
    Provenance wide = Provenance.builder().identity("seed", 1).identity("arithmetic", "amd64 avx512f").build();
    Provenance older = Provenance.builder().identity("seed", 1).build();
    String difference = avx.differences(wide).getFirst();
    assertTrue(difference.contains("amd64 avx2") && difference.contains("SPHERE_MIXED_CPUS=on"), difference);
    assertEquals(List.of(), older.differences(wide));
    assertEquals(List.of(), wide.differences(older));
  }

  @Test
  void aStageIsOnlyRecordedWhenItsExpansionsAreOnTheDisk() throws Exception {
    Path run = temporary.resolve("run");
    AtomicInteger unforced = new AtomicInteger(); // expansions; one problem at a time, so all belong to its stage
    AtomicInteger stages = new AtomicInteger();
    LogFile.Opener watching = path -> watched(LogFile.plain(path), path.getFileName().toString(), unforced, stages);
    try (RunFolder store = RunFolder.open(run, FakeRun.provenance(1), FakeRun.problems(4), false, watching)) {
      FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 1, 1);
    }
    assertTrue(stages.get() >= 4, stages + " stages");
    assertEquals(0, unforced.get(), "closing brings the rest to the disk");
  }

  private static LogFile watched(LogFile file, String name, AtomicInteger unforced, AtomicInteger stages) {
    return new LogFile() {
      @Override
      public void write(ByteBuffer bytes) throws IOException {
        if (name.equals("tree.jsonl")) {
          unforced.incrementAndGet();
        } else if (name.equals("stages.jsonl")) {
          assertEquals(0, unforced.get(), "expansions that are not on the disk");
          stages.incrementAndGet();
        }
        file.write(bytes);
      }

      @Override
      public void force() throws IOException {
        int before = unforced.get();
        file.force();
        if (name.equals("tree.jsonl")) {
          unforced.addAndGet(-before);
        }
      }

      @Override
      public void truncate(long size) throws IOException {
        file.truncate(size);
      }

      @Override
      public void close() throws IOException {
        file.close();
      }
    };
  }

  /** A disk that fills up in the middle of a record and then takes nothing, not even a truncation. */
  private static LogFile limited(LogFile file, AtomicLong room) {
    return new LogFile() {
      @Override
      public void write(ByteBuffer bytes) throws IOException {
        long left = room.addAndGet(-bytes.remaining());
        if (left < 0) {
          byte[] part = new byte[(int) Math.max(0, left + bytes.remaining())];
          bytes.get(part);
          file.write(ByteBuffer.wrap(part));
          room.set(Long.MIN_VALUE / 2);
          throw new IOException("No space left on device");
        }
        file.write(bytes);
      }

      @Override
      public void force() throws IOException {
        file.force();
      }

      @Override
      public void truncate(long size) throws IOException {
        if (room.get() < 0) {
          throw new IOException("No space left on device");
        }
        file.truncate(size);
      }

      @Override
      public void close() throws IOException {
        file.close();
      }
    };
  }

  /** A reward's models may lie elsewhere when a run goes on; other models are other runs. */
  @Test
  void whereTheRewardsModelsLieIsNoIdentity() throws Exception {
    Path run = temporary.resolve("run");
    List<Problem> problems = FakeRun.problems(2);
    RunFolder.open(run, judged("implicit:/a/b/x.gguf,c/ref.gguf", "1,2"), problems, false).close();
    RunFolder.open(run, judged("implicit:x.gguf,/d/ref.gguf", "1,2"), problems, true).close();
    for (Provenance other : List.of(judged("implicit:/a/b/x.gguf,c/ref.gguf", "1,3"), judged("token:x.gguf", "1,2"),
        judged("implicit:ref.gguf,x.gguf", "1,2"), judged("mc", "1,2"))) {
      assertTrue(refused(() -> RunFolder.open(run, other, problems, true)).contains("prm."), other::toString);
    }
  }

  private static Provenance judged(String kind, String hashes) {
    return Provenance.builder().identity("prm.kind", kind).identity("prm.sha256", hashes).build();
  }

  @Test
  void anotherIdentityIsRefusedAndWhatDiffersIsNamed() throws Exception {
    Path run = temporary.resolve("run");
    List<Problem> problems = FakeRun.problems(2);
    RunFolder.open(run, FakeRun.provenance(1), problems, false).close();
    String seed = refused(() -> RunFolder.open(run, FakeRun.provenance(2), problems, true));
    assertTrue(seed.contains("seed is \"1\", not \"2\""), seed);
    String data = refused(() -> RunFolder.open(run, FakeRun.provenance(1), FakeRun.problems(3), true));
    assertTrue(data.contains("problems.count is \"2\", not \"3\""), data);
    Provenance settings = Provenance.builder().identity("seed", 1).build();
    assertTrue(refused(() -> RunFolder.open(run, settings, problems, true)).contains("more"));
    assertTrue(refused(() -> RunFolder.open(run, FakeRun.provenance(1), problems, false)).contains("--resume"));
    Provenance moved = Provenance.builder()
        .settings("search", dev.sphere.engine.search.SearchSettings.paper())
        .build();
    assertEquals("5", moved.identity().get("search.candidates"));
    assertEquals("0.8", moved.identity().get("search.sampling.temperature"));
    assertEquals("\n\n", moved.identity().get("search.separator"));
    RunFolder.open(run, FakeRun.provenance(1), problems, true).close();
  }

  @Test
  void aSecondWriterIsRefusedAndToldWhoHoldsTheRun() throws Exception {
    Path run = temporary.resolve("run");
    List<Problem> problems = FakeRun.problems(2);
    try (RunFolder store = RunFolder.open(run, FakeRun.provenance(1), problems, false)) {
      assertEquals(0, store.ended());
      String message = refused(() -> RunFolder.open(run, FakeRun.provenance(1), problems, true));
      assertTrue(message.contains("in use by this process"), message);
      // Another process: its message names this one.
      Process child = Children.start(run, 0);
      assertTrue(child.waitFor() != 0);
      String error = Files.readString(Children.errors(run));
      assertTrue(error.contains("in use by process " + ProcessHandle.current().pid()), error);
    }
    RunFolder.open(run, FakeRun.provenance(1), problems, true).close();
  }

  @Test
  void onlyARunThatHoldsNothingIsTakenBack() throws Exception {
    Path run = temporary.resolve("run");
    try (RunFolder store = RunFolder.open(run, FakeRun.provenance(1), FakeRun.problems(2), false)) {
      store.takeBack();
    }
    assertFalse(Files.exists(run));
    FakeRun.run(run, false, 1, 4);
    try (RunFolder store = RunFolder.open(run, FakeRun.provenance(1), FakeRun.problems(FakeRun.PROBLEMS), true)) {
      store.takeBack();
    }
    assertTrue(RunReader.read(run).complete());
  }

  @Test
  void foreignFilesAreLeftAlone() throws Exception {
    Path mine = Files.createDirectory(temporary.resolve("mine"));
    Files.writeString(mine.resolve("thesis.tex"), "x");
    String message = refused(() -> RunFolder.open(mine, FakeRun.provenance(1), FakeRun.problems(1), true));
    assertTrue(message.contains("thesis.tex"), message);
    assertThrows(StoreException.Refused.class, () -> RunReader.read(mine));
    assertThrows(StoreException.Refused.class, () -> RunReader.read(temporary.resolve("nowhere")));
    Files.writeString(temporary.resolve("file"), "x");
    String file = refused(
        () -> RunFolder.open(temporary.resolve("file"), FakeRun.provenance(1), FakeRun.problems(1), false));
    assertTrue(file.contains("cannot use " + temporary.resolve("file") + " for a run"), file);
  }

  private static String refused(org.junit.jupiter.api.function.Executable open) {
    return assertThrows(StoreException.Refused.class, open).getMessage();
  }

  @Test
  void readableWithSqlWhileItGrows() throws Exception {
    Path run = temporary.resolve("run");
    try (RunFolder store = RunFolder.open(run, FakeRun.provenance(1), FakeRun.problems(FakeRun.PROBLEMS), false)) {
      FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 1, 4);
      assertEquals(Files.readAllLines(run.resolve("tree.jsonl")).size(), count("SELECT count(*) FROM read_json('" + run + "/tree.jsonl')"));
    }
    int pairs = RunReader.read(run).pairs().size();
    assertEquals(pairs, count("SELECT count(*) FROM read_json('" + run + "/pairs.jsonl')"));
    assertEquals(
        pairs, count("SELECT count(*) FROM (SELECT unnest(pairs) FROM read_json('" + run + "/stages.jsonl'))"));
    assertTrue(count("SELECT count(*) FROM (SELECT unnest(candidates) AS c FROM read_json('" + run
        + "/tree.jsonl')) WHERE c.prm BETWEEN 0 AND 1 AND len(c.tokens) = len(c.logprobs)") > 100);
    assertFalse(RunReader.read(run).expansions(Set.of("p3")).isEmpty());
    assertTrue(RunReader.read(run).complete());
    assertTrue(PairsFile.holds(run.resolve("pairs.jsonl"), RunReader.read(run).pairs()));
  }

  @Test
  void theQueriesOfTheDocumentationRun() throws Exception {
    Path run = temporary.resolve("run");
    FakeRun.run(run, false, 1, 4);
    String page = Files.readString(Path.of("..", "docs", "reference", "file-formats.md"));
    String sql = page.substring(page.indexOf("```sql") + 6, page.indexOf("```", page.indexOf("```sql") + 6))
        .replace("RUN/", run + "/")
        .replace("train-0", "p0");
    int queries = 0;
    for (String query : sql.split(";")) {
      if (!query.isBlank()) {
        assertTrue(count("SELECT count(*) FROM (" + query + "\n)") > 0, query);
        queries++;
      }
    }
    assertEquals(4, queries);
  }

  @Test
  void exportsForTrl() throws Exception {
    Path run = temporary.resolve("run");
    FakeRun.run(run, false, 1, 4);
    var pairs = RunReader.read(run).pairs();
    Path jsonl = temporary.resolve("it's [a] pair.jsonl");
    Path parquet = temporary.resolve("it's [a] pair.parquet");
    PairExport.write(pairs, PairExport.Format.TRL_JSONL, jsonl);
    PairExport.write(pairs, PairExport.Format.TRL_PARQUET, parquet);
    assertEquals(pairs.size(), Files.readAllLines(jsonl).size());
    Path plain = temporary.resolve("plain.parquet");
    Files.copy(parquet, plain);
    try (Connection duckdb = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = duckdb.createStatement();
        ResultSet rows = statement.executeQuery("SELECT * FROM read_parquet('" + plain + "')")) {
      assertEquals("prompt", rows.getMetaData().getColumnName(1));
      for (var pair : pairs) {
        assertTrue(rows.next());
        assertEquals(pair.prompt(), rows.getString("prompt"));
        assertEquals(pair.chosen(), rows.getString("chosen"));
        assertEquals(pair.rejected(), rows.getString("rejected"));
        assertEquals(pair.problemId(), rows.getString("problem_id"));
        assertEquals(pair.stage(), rows.getString("stage"));
      }
      assertFalse(rows.next());
    }
    try (var files = Files.list(temporary)) {
      assertTrue(files.noneMatch(f -> f.toString().endsWith(".tmp")), "nothing is left lying about");
    }
    PairExport.write(List.of(), PairExport.Format.TRL_PARQUET, temporary.resolve("empty.parquet"));
    assertEquals(0, count("SELECT count(*) FROM read_parquet('" + temporary + "/empty.parquet')"));
    assertThrows(
        java.io.UncheckedIOException.class,
        () -> PairExport.write(pairs, PairExport.Format.TRL_PARQUET, temporary.resolve("no/such/place.parquet")));
  }

  private static int count(String sql) throws SQLException {
    try (Connection duckdb = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = duckdb.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      assertTrue(rows.next());
      return rows.getInt(1);
    }
  }
}
