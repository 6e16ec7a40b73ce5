package dev.sphere.engine.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.ToldProgress;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Set;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every file of a run is damaged in every way; the run, resumed, is the undamaged one, and says what it did. */
class DamageTest {
  private static final int PROBLEMS = 3;
  private static final List<String> LOGS = List.of("tree.jsonl", "stages.jsonl", "results.jsonl");
  private static final List<String> FILES =
      Stream.concat(LOGS.stream(), Stream.of("problems.jsonl", "pairs.jsonl", "run.json", "lock")).toList();
  private static final int TIMES = Integer.getInteger("sphere.test.damage", 2); // each way in each file

  @TempDir private Path temporary;
  private Path whole;
  private Path half;
  private int cases;

  /** A disk that tells lies about what is on it: thousands of runs need not wait for it. */
  static LogFile unforced(Path path) throws IOException {
    LogFile file = LogFile.plain(path);
    return new LogFile() {
      @Override
      public void write(ByteBuffer bytes) throws IOException {
        file.write(bytes);
      }

      @Override
      public void force() {}

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

  private static RunFolder open(Path run) {
    return RunFolder.open(run, FakeRun.provenance(1), FakeRun.problems(PROBLEMS), true, DamageTest::unforced);
  }

  /** Runs to the end, or on to it; the answer is what was found on opening. */
  private static List<Finding> finish(Path run) throws InterruptedException {
    try (RunFolder store = open(run)) {
      FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 1, 2);
      return store.findings();
    }
  }

  @BeforeEach
  void makeRuns() throws Exception {
    whole = temporary.resolve("whole");
    finish(whole);
    half = temporary.resolve("half");
    try (RunFolder store = open(half)) {
      assertThrows(IllegalStateException.class, () -> FakeRun.run(
          store, FakeRun.policy(), FakeRun.small(), 1, 2, ToldProgress.stopAfter(60, 1)));
    }
    assertTrue(RunReader.read(whole).complete() && !RunReader.read(half).complete());
    assertEquals(List.of(), RunReader.check(whole));
    assertEquals(List.of(), RunReader.check(half));
  }

  private Path copy(Path run) throws IOException {
    Path copy = Files.createDirectory(temporary.resolve("case" + cases++));
    for (String file : FILES) {
      if (Files.exists(run.resolve(file))) {
        Files.copy(run.resolve(file), copy.resolve(file));
      }
    }
    return copy;
  }

  private static void write(Path file, byte[] bytes) throws IOException {
    if (bytes == null) {
      Files.deleteIfExists(file);
    } else {
      Files.write(file, bytes);
    }
  }

  private static List<String> sorted(Path file) throws IOException {
    return Files.readAllLines(file).stream().sorted().toList();
  }

  private void assertMended(Path run, String what) throws IOException {
    for (String file : List.of("pairs.jsonl", "problems.jsonl")) {
      assertEquals(-1, Files.mismatch(whole.resolve(file), run.resolve(file)), what + " " + file);
    }
    for (String file : LOGS) {
      assertEquals(sorted(whole.resolve(file)), sorted(run.resolve(file)), what + " " + file);
    }
    assertEquals(List.of(), RunReader.check(run), what);
    assertTrue(RunReader.read(run).complete(), what);
  }

  /** Every line that was there is still in the file, or beside it in the folder of damaged parts. */
  private static void assertNothingThrownAway(Path run, String name, byte[] damaged, String what) throws IOException {
    List<String> there = new ArrayList<>();
    List<Path> places = new ArrayList<>(List.of(run.resolve(name)));
    if (Files.exists(run.resolve(Damaged.FOLDER))) {
      try (Stream<Path> aside = Files.list(run.resolve(Damaged.FOLDER))) {
        places.addAll(aside.filter(f -> f.getFileName().toString().startsWith(name)).toList());
      }
    }
    for (Path place : places) {
      for (byte[] line : Damage.lines(Files.readAllBytes(place))) {
        there.add(text(line));
      }
    }
    for (byte[] line : Damage.lines(damaged)) { // but for what a writer did not end
      assertTrue(line[line.length - 1] != '\n' || there.contains(text(line)), () -> what + ": thrown away: " + text(line));
    }
  }

  private static String text(byte[] line) {
    return new String(line, StandardCharsets.ISO_8859_1).stripTrailing();
  }

  @Test
  void whateverIsDamagedIsMadeWhole() throws Exception {
    Map<String, Integer> said = new HashMap<>();
    for (Path run : List.of(whole, half)) {
      for (String name : FILES) {
        for (Damage way : Damage.values()) {
          boolean chance = !List.of(Damage.MISSING, Damage.EMPTY, Damage.CARRIAGE_RETURNS, Damage.NO_LAST_LINE_FEED,
              Damage.LAST_LINE_CUT).contains(way);
          for (int i = 0; i < (chance ? TIMES : 1); i++) {
            String what = way + " " + i + " in " + run.getFileName() + "/" + name;
            if (Files.exists(run.resolve(name))) {
              damageAndResume(run, name, way, new Random(31L * i + what.hashCode()), what, said);
            }
          }
        }
      }
    }
    assertTrue(cases > 150 * TIMES, cases + " cases");
    LOGS.forEach(log -> assertTrue(said.get(log) > 10, log + " was named in " + said));
  }

  private void damageAndResume(
      Path from, String name, Damage way, Random random, String what, Map<String, Integer> said) throws Exception {
    Path run = copy(from);
    byte[] before = Files.readAllBytes(run.resolve(name));
    byte[] damaged = way.of(before, random);
    write(run.resolve(name), damaged);
    // White space at its end is not what it says.
    boolean lost = name.equals("run.json") && (damaged == null || !text(before).equals(text(damaged)));
    List<Finding> check = damaged == null && lost ? List.of() : RunReader.check(run);
    if (lost) {
      assertTrue(damaged == null || !check.getFirst().mendable(), what);
      String message = assertThrows(StoreException.class, () -> finish(run), what).getMessage();
      assertTrue(message.contains("run.json") && (damaged == null || message.contains("bring it back from a copy")), what + ": " + message);
      byte[] now = Files.exists(run.resolve(name)) ? Files.readAllBytes(run.resolve(name)) : null;
      assertArrayEquals(damaged, now, what + ": refused and changed");
      Files.write(run.resolve(name), before); // as it advises
    }
    List<Finding> found = finish(run);
    if (!lost) {
      assertEquals(check, found, what + ": `run check` and opening differ");
      found.forEach(f -> said.merge(f.file().getFileName().toString(), 1, Integer::sum));
    }
    if (LOGS.contains(name) && damaged != null) {
      assertNothingThrownAway(run, name, damaged, what);
    }
    // What changes no record needs no word: an order, the text in the lock, a problem that had not ended.
    boolean silent = Arrays.equals(before, damaged) || way == Damage.LINES_SWAPPED || name.equals("lock")
        || name.equals("run.json") || from == half;
    assertTrue(silent || !found.isEmpty(), what + ": not a word");
    assertMended(run, what);
    try (Stream<Path> all = Files.walk(run)) {
      for (Path file : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static String problem(String line) {
    return line.replaceFirst(".*?\"problem\":\"([^\"]+)\".*", "$1");
  }

  /** The two damages that were tried on an earlier version: one refused for ever, the other not noticed. */
  @Test
  void aBitInAStageAndALostExpansionAreNamed() throws Exception {
    Path run = copy(whole);
    List<String> stages = new ArrayList<>(Files.readAllLines(run.resolve("stages.jsonl")));
    stages.set(3, stages.get(3).replace("\"attempts\"", "\"atteopts\""));
    Files.write(run.resolve("stages.jsonl"), stages);
    List<String> tree = new ArrayList<>(Files.readAllLines(run.resolve("tree.jsonl")));
    String other = problem(stages.get(3)); // the lost expansion is of another problem: this one is begun again anyway
    int lost = tree.size() - 1;
    while (problem(tree.get(lost)).equals(other)) {
      lost--;
    }
    tree.remove(lost);
    Files.write(run.resolve("tree.jsonl"), tree);
    // A reader refuses, and what it advises helps.
    String message = assertThrows(StoreException.class, () -> RunReader.read(run)).getMessage();
    assertTrue(message.contains("stages.jsonl, line 4: damaged"), message);
    assertTrue(message.contains("go on with the command that made the run and --resume"), message);
    List<String> found = finish(run).stream().map(Finding::toString).toList();
    assertTrue(found.stream().anyMatch(f -> f.contains("stages.jsonl, line 4: damaged")), found.toString());
    assertTrue(found.stream().anyMatch(f -> f.contains(": records are missing of problem")),
        found.toString());
    assertMended(run, "after following the advice");
    assertTrue(Files.readString(run.resolve("damaged/stages.jsonl.1")).contains("atteopts"), "kept aside");
  }

  @Test
  void aLostExpansionIsNoticedByWhoReadsTheTrees() throws Exception {
    Path run = copy(whole);
    List<String> tree = new ArrayList<>(Files.readAllLines(run.resolve("tree.jsonl")));
    tree.remove(tree.size() / 2);
    Files.write(run.resolve("tree.jsonl"), tree);
    RunReader data = RunReader.read(run);
    String message = assertThrows(StoreException.class, () -> data.trees("generation")).getMessage();
    assertTrue(message.contains("--resume"), message);
    finish(run);
    assertEquals(RunReader.read(whole).expansions(Set.of("p1")).get("p1").size(),
        RunReader.read(run).expansions(Set.of("p1")).get("p1").size());
  }

  @Test
  void aRunOfAnotherVersionIsRefusedInOneLine() throws Exception {
    Path run = copy(whole);
    String object = Files.readString(run.resolve("run.json")).replaceFirst("\\{\"crc\":\"[0-9a-f]{8}\",", "{").strip();
    Files.write(run.resolve("run.json"),
        CheckedLines.frame(object.replace("\"format\" : 3", "\"format\" : 2").getBytes(StandardCharsets.UTF_8)));
    String message = assertThrows(StoreException.Refused.class, () -> finish(run)).getMessage();
    assertTrue(message.contains("another version of Sphere (format 2, this one reads 3)"), message);
    assertEquals(message, assertThrows(StoreException.Refused.class, () -> RunReader.read(run)).getMessage());
    assertEquals(1, message.lines().count());
  }

  /** Without what it was made from, a run is begun anew elsewhere, as the message says; an empty folder is no run. */
  @Test
  void aRunWithoutItsProvenanceIsRefusedWithAdviceThatHelps() throws Exception {
    Path run = copy(whole);
    Files.delete(run.resolve("run.json"));
    String message = assertThrows(StoreException.class, () -> finish(run)).getMessage();
    assertTrue(message.contains("no run.json") && message.contains("give a new or an empty directory"), message);
    assertThrows(StoreException.Refused.class, () -> RunReader.read(run));
    Path other = temporary.resolve("other");
    finish(other);
    assertMended(other, "begun anew");
    assertThrows(StoreException.Refused.class, () -> RunReader.check(Files.createDirectory(temporary.resolve("empty"))));
    Path pairsAlone = Files.createDirectory(temporary.resolve("pairs"));
    Files.copy(whole.resolve("pairs.jsonl"), pairsAlone.resolve("pairs.jsonl"));
    assertThrows(StoreException.Refused.class, () -> RunReader.read(pairsAlone));
    // Text in the lock is for people; whatever it holds, a second writer is refused in words.
    try (RunFolder store = open(other)) {
      assertEquals(List.of(), store.findings());
      Files.write(other.resolve("lock"), new byte[] {(byte) 0xff, 1, 2});
      assertThrows(StoreException.Refused.class, () -> open(other));
    }
  }
}
