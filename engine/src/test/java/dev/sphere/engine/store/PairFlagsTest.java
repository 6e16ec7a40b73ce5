package dev.sphere.engine.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.store.PairFlags.Flag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PairFlagsTest {
  @TempDir Path run;

  private static PreferencePair pair(String chosen) {
    int[] none = {};
    return new PreferencePair("p", "generation", "q", chosen, "r", none, none, none);
  }

  @Test
  void theLastWordAboutAPairCounts() {
    assertEquals(Map.of(), PairFlags.read(run));
    PairFlags.add(run, "a", "p", "generation", Flag.SAME);
    PairFlags.add(run, "b", "p", "generation", Flag.MISREAD);
    PairFlags.add(run, "a", "p", "generation", Flag.CHOSEN_WRONG);
    assertEquals(Map.of("a", Flag.CHOSEN_WRONG, "b", Flag.MISREAD), PairFlags.read(run));
    PairFlags.add(run, "b", "p", "generation", null);
    assertEquals(Map.of("a", Flag.CHOSEN_WRONG), PairFlags.read(run));
  }

  @Test
  void aPairIsKnownByItsTexts() {
    assertEquals(PairFlags.key(pair("c")), PairFlags.key("q", "c", "r"));
    assertNotEquals(PairFlags.key("q", "c", "r"), PairFlags.key("qc", "", "r"));
    List<PreferencePair> pairs = List.of(pair("c"), pair("d"));
    assertEquals(List.of(pairs.get(1)), PairFlags.unflagged(pairs, Map.of(PairFlags.key("q", "c", "r"), Flag.SAME)));
    assertEquals(pairs, PairFlags.unflagged(pairs, Map.of()));
  }

  @Test
  void aTornLastLineIsWrittenOverAndADamagedOneIsNamed() throws Exception {
    PairFlags.add(run, "a", "p", "generation", Flag.SAME);
    Files.writeString(PairFlags.in(run), "{\"crc\":\"0000", StandardOpenOption.APPEND);
    assertEquals(Map.of("a", Flag.SAME), PairFlags.read(run));
    PairFlags.add(run, "b", "p", "generation", Flag.SAME);
    assertEquals(Map.of("a", Flag.SAME, "b", Flag.SAME), PairFlags.read(run));
    byte[] bytes = Files.readAllBytes(PairFlags.in(run));
    bytes[40] ^= 1;
    Files.write(PairFlags.in(run), bytes);
    String message = assertThrows(StoreException.class, () -> PairFlags.read(run)).getMessage();
    assertTrue(message.contains("flags.jsonl, line 1: damaged"), message);
    assertThrows(StoreException.class, () -> PairFlags.add(run, "c", "p", "generation", Flag.SAME));
    assertEquals(bytes.length, Files.size(PairFlags.in(run)), "nothing was written on a damaged file");
  }

  @Test
  void ofSeveralRunsTheLastLineAboutAPairCounts() throws Exception {
    Path first = Files.createDirectories(run.resolve("first"));
    Path second = Files.createDirectories(run.resolve("second"));
    Path none = Files.createDirectories(run.resolve("none"));
    PairFlags.add(first, "a", "p", "generation", Flag.SAME);
    PairFlags.add(first, "b", "p", "generation", Flag.SAME);
    PairFlags.add(first, "c", "p", "generation", Flag.SAME);
    PairFlags.add(second, "a", "p", "generation", null);
    PairFlags.add(second, "b", "p", "generation", Flag.MISREAD);
    Path merged = Files.createDirectories(run.resolve("merged"));
    Files.write(PairFlags.in(merged), PairFlags.merged(List.of(first, none, second)));
    assertEquals(Map.of("b", Flag.MISREAD, "c", Flag.SAME), PairFlags.read(merged));
    assertEquals(0, PairFlags.merged(List.of(none, none)).length);
  }
}
