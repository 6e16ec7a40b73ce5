package dev.sphere.engine.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.store.PairFlags.Flag;
import java.nio.charset.StandardCharsets;
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

  /** One run's file, written whole: its time, pair and flag a line. */
  private Path said(String name, String... lines) throws Exception {
    Path folder = Files.createDirectories(run.resolve(name));
    StringBuilder all = new StringBuilder();
    for (String line : lines) {
      String[] part = line.split(" ");
      String flag = part[2].equals("-") ? "null" : '"' + part[2] + '"';
      String time = part[0].equals("-") ? "" : ",\"time\":\"2026-11-27T" + part[0] + "Z\"";
      String object = "{\"pair\":\"" + part[1] + "\",\"problem\":\"p\",\"stage\":\"generation\",\"flag\":" + flag + time + "}";
      all.append(new String(CheckedLines.frame(object.getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8));
    }
    Files.writeString(PairFlags.in(folder), all);
    return folder;
  }

  @Test
  void ofSeveralRunsWhatWasSaidLastOfAPairCounts() throws Exception {
    Path first = said("first", "09:00:00 a same", "09:00:01 b misread", "12:00:00 c same", "11:00:00 e same", "08:00:00 e -", "- f same");
    Path second = said("second", "10:00:00 a -", "08:00:00 b chosen_wrong", "12:00:00 c misread", "10:00:00 d same", "07:00:00 f -");
    Path none = Files.createDirectories(run.resolve("none"));
    Path merged = Files.createDirectories(run.resolve("merged"));
    PairFlags.merge(List.of(first, none, second), merged);
    // Of one run the last line counts whatever its clock said (e); at the same moment the later run's word (c).
    assertEquals(Map.of("b", Flag.MISREAD, "c", Flag.MISREAD, "d", Flag.SAME), PairFlags.read(merged));
    PairFlags.add(merged, "a", "p", "generation", Flag.SAME);
    assertEquals(4, PairFlags.read(merged).size(), "one writes on in it");
    Path empty = Files.createDirectories(run.resolve("empty"));
    PairFlags.merge(List.of(none, none), empty);
    assertFalse(Files.exists(PairFlags.in(empty)));
  }
}
