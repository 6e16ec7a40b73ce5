package dev.sphere.engine.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ToldProgress;
import dev.sphere.engine.data.Shard;
import dev.sphere.faults.Crash;
import dev.sphere.faults.Faults;
import dev.sphere.faults.FaultyDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tasks of a scheduler on one folder: started again, twice, killed, with other settings; merged, they are one process's run. */
class ShardFolderTest {
  private static final int PROBLEMS = 5;

  @TempDir private Path temporary;
  private Path run;

  private static Provenance provenance(long seed, Shard shard) {
    Provenance.Builder all = Provenance.builder();
    FakeRun.provenance(seed).identity().forEach(all::identity);
    return all.information(RunMerge.SHARD, shard).build();
  }

  private static List<Problem> part(Shard shard) {
    return shard.part(FakeRun.problems(PROBLEMS));
  }

  private static Shard shard(int number, int count) {
    return new Shard(number, count, true);
  }

  /** What a task does; the answer is how many generations it asked for. */
  private static int task(Path run, Shard shard) throws InterruptedException {
    ShardFolder folder = new ShardFolder(run, shard);
    if (folder.isWhole(provenance(1, shard), part(shard))) {
      return 0;
    }
    Path attempt = folder.begin(provenance(1, shard), part(shard));
    HashPolicy policy = FakeRun.policy();
    try (RunFolder store = RunFolder.open(attempt, provenance(1, shard), part(shard), true)) {
      FakeRun.run(store, policy, FakeRun.small(), 1, 2);
    }
    folder.finish(attempt);
    return policy.generated();
  }

  /** A task that is killed in the middle. */
  private static Path killed(Path run, Shard shard, int after) {
    ShardFolder folder = new ShardFolder(run, shard);
    Path attempt = folder.begin(provenance(1, shard), part(shard));
    try (RunFolder store = RunFolder.open(attempt, provenance(1, shard), part(shard), true)) {
      assertThrows(IllegalStateException.class,
          () -> FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 1, 1, ToldProgress.stopAfter(after, 1)));
    }
    return attempt;
  }

  private static byte[] whole(Path place) throws InterruptedException, IOException {
    try (RunFolder store = RunFolder.open(place, FakeRun.provenance(1), FakeRun.problems(PROBLEMS), false)) {
      FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 1, 2);
    }
    return Files.readAllBytes(place.resolve("pairs.jsonl"));
  }

  @BeforeEach
  void where() {
    run = temporary.resolve("run");
  }

  @Test
  void theShardsOfOneFolderBecomeTheRun() throws Exception {
    byte[] pairs = whole(temporary.resolve("whole"));
    for (int number : new int[] {2, 3, 1}) {
      assertTrue(task(run, shard(number, 3)) > 0);
      assertEquals(0, task(run, shard(number, 3)), "a task that is started again finds it done");
    }
    String before = assertThrows(StoreException.class, () -> RunReader.read(run)).getMessage();
    assertTrue(before.contains("sphere run merge"), before);
    RunMerge.Report report = RunMerge.mergeShards(run, run);
    assertEquals(PROBLEMS, report.ended());
    assertArrayEquals(pairs, Files.readAllBytes(run.resolve("pairs.jsonl")));
    assertEquals(List.of(), RunReader.check(run));
    assertThrows(StoreException.Refused.class, () -> RunMerge.mergeShards(run, run), "merged already");
    Path elsewhere = temporary.resolve("elsewhere");
    RunMerge.mergeShards(run, elsewhere);
    assertArrayEquals(pairs, Files.readAllBytes(elsewhere.resolve("pairs.jsonl")));
  }

  @Test
  void aTaskThatIsStartedAgainGoesOnWithTheFullestAttempt() throws Exception {
    Shard shard = shard(1, 2);
    int all = task(temporary.resolve("undisturbed"), shard);
    killed(run, shard, 20);
    Path fullest = killed(run, shard, 60);
    Files.writeString(fullest.resolve("tree.jsonl"), Files.readString(fullest.resolve("tree.jsonl")) + "{\"crc\":\"torn");
    int rest = task(run, shard);
    assertTrue(rest > 0 && rest < all, rest + " of " + all);
    assertArrayEquals(Files.readAllBytes(temporary.resolve("undisturbed/shards/00001/pairs.jsonl")),
        Files.readAllBytes(run.resolve("shards/00001/pairs.jsonl")));
  }

  /** Both work at the same time; who is second finds the name taken, and leaves nothing behind. */
  @Test
  void aTaskThatRunsTwiceHarmsNothing() throws Exception {
    Shard shard = shard(2, 2);
    ShardFolder folder = new ShardFolder(run, shard);
    Path first = folder.begin(provenance(1, shard), part(shard));
    Path second = folder.begin(provenance(1, shard), part(shard));
    for (Path attempt : List.of(first, second)) {
      try (RunFolder store = RunFolder.open(attempt, provenance(1, shard), part(shard), true)) {
        FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 1, 2);
      }
    }
    folder.finish(second);
    byte[] pairs = Files.readAllBytes(folder.whole().resolve("pairs.jsonl"));
    folder.finish(first);
    assertArrayEquals(pairs, Files.readAllBytes(folder.whole().resolve("pairs.jsonl")));
    try (Stream<Path> left = Files.list(run.resolve("shards"))) {
      assertEquals(List.of(folder.whole()), left.toList());
    }
  }

  /** A disk that failed between the rename and its sync: the next task says that the shard is whole, so it must be safe. */
  @Test
  void aShardThatIsSaidToBeWholeIsOnTheDisk() throws Exception {
    FaultyDisk disk = new FaultyDisk(Files.createDirectory(temporary.resolve("disk")));
    Shard shard = shard(1, 2);
    ShardFolder folder = new ShardFolder(disk.root().resolve("run"), shard);
    Path attempt = folder.begin(provenance(1, shard), part(shard));
    try (RunFolder store = RunFolder.open(attempt, provenance(1, shard), part(shard), true)) {
      FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 1, 1);
    }
    disk.fail(disk.count() + 2, FaultyDisk.Fault.ONCE);
    assertThrows(StoreException.class, () -> folder.finish(attempt));
    disk.mend();
    assertTrue(folder.isWhole(provenance(1, shard), part(shard)));
    Path left = Files.createDirectory(temporary.resolve("left"));
    Crash.LOST.leave(disk, disk.changes().size(), new Random(1), left);
    assertEquals(List.of(), RunReader.check(left.resolve("run/shards/00001")));
  }

  @Test
  void missingAndDifferingShardsAreAllNamed() throws Exception {
    task(run, shard(1, 4));
    killed(run, shard(2, 4), 10);
    Path other = temporary.resolve("other");
    Shard third = shard(3, 4);
    try (RunFolder store = RunFolder.open(other, provenance(2, third), part(third), false)) {
      FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 2, 2);
    }
    Files.move(other, run.resolve("shards/00003"));
    String message = assertThrows(StoreException.Refused.class, () -> RunMerge.mergeShards(run, run)).getMessage();
    for (String words : List.of("shard 2/4 is missing (begun, not ended)", "shard 3/4 differs: seed is \"2\", not \"1\"",
        "shard 4/4 is missing", "--shard auto/4")) {
      assertTrue(message.contains(words), words + ": " + message);
    }
    assertFalse(Files.exists(run.resolve("run.json")));
  }

  /** Before the work, not at the merge. */
  @Test
  void aTaskWithOtherSettingsOrAnotherCountIsRefusedAtOnce() throws Exception {
    task(run, shard(1, 2));
    Shard second = shard(2, 2);
    String seed = assertThrows(StoreException.Refused.class,
        () -> new ShardFolder(run, second).isWhole(provenance(5, second), part(second))).getMessage();
    assertTrue(seed.contains("seed is \"1\", not \"5\""), seed);
    Shard ofThree = shard(2, 3);
    String count = assertThrows(StoreException.Refused.class,
        () -> new ShardFolder(run, ofThree).isWhole(provenance(1, ofThree), part(ofThree))).getMessage();
    assertTrue(count.contains("shard is \"1/2\", not \"1/3\""), count);
    Shard first = shard(1, 2);
    assertThrows(StoreException.Refused.class,
        () -> new ShardFolder(run, first).isWhole(provenance(5, first), part(first)));
  }

  @Test
  void aShardThatWasDamagedIsMadeWholeByItsTask() throws Exception {
    task(run, shard(1, 2));
    Path stages = run.resolve("shards/00001/stages.jsonl");
    byte[] before = Files.readAllBytes(run.resolve("shards/00001/pairs.jsonl"));
    Files.writeString(stages, Files.readString(stages).replaceFirst("attempts", "attempt5"));
    task(run, shard(1, 2));
    assertEquals(List.of(), RunReader.check(run.resolve("shards/00001")));
    assertArrayEquals(before, Files.readAllBytes(run.resolve("shards/00001/pairs.jsonl")));
  }

  @Test
  void attemptsNeedNoLocks() throws Exception {
    Path folder = Files.createDirectory(temporary.resolve("disk"));
    FaultyDisk disk = new FaultyDisk(folder);
    disk.withoutLocks();
    assertThrows(StoreException.class, () -> RunFolder.open(disk.root().resolve("plain"), FakeRun.provenance(1), FakeRun.problems(2), false));
    for (int number = 1; number <= 2; number++) {
      task(disk.root().resolve("run"), shard(number, 2));
    }
    RunMerge.mergeShards(disk.root().resolve("run"), disk.root().resolve("run"));
    assertArrayEquals(whole(temporary.resolve("whole")), Files.readAllBytes(folder.resolve("run/pairs.jsonl")));
  }

  /** Two shards and their merge. */
  private static void tasks(Path root, Consumer<String> said) throws InterruptedException {
    Path run = root.resolve("run");
    for (int number = 1; number <= 2; number++) {
      task(run, shard(number, 2));
      said.accept("shards/0000" + number + "/pairs.jsonl");
    }
    if (!Files.exists(run.resolve("run.json"))) {
      RunMerge.mergeShards(run, run);
    }
    said.accept("run.json");
  }

  private static void there(Path root, List<String> said) {
    said.forEach(file -> assertTrue(Files.exists(root.resolve("run").resolve(file)), file));
  }

  private static void same(Path whole, Path root) throws IOException {
    assertEquals(-1, Files.mismatch(whole.resolve("run/pairs.jsonl"), root.resolve("run/pairs.jsonl")));
    assertEquals(List.of(), RunReader.check(root.resolve("run")));
    assertTrue(RunReader.read(root.resolve("run")).complete());
  }

  @Test
  void theMachineDiesAtAnyChange() throws Exception {
    new Faults(temporary, 1, ShardFolderTest::tasks, ShardFolderTest::there, ShardFolderTest::same).dieAtAnyChange();
  }

  @Test
  void anyChangeFails() throws Exception {
    Faults faults = new Faults(temporary, 1, ShardFolderTest::tasks, ShardFolderTest::there, ShardFolderTest::same);
    faults.failAtAnyChange();
  }
}
