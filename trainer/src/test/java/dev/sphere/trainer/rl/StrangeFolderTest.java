package dev.sphere.trainer.rl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.store.StoreException;
import dev.sphere.trainer.checkpoint.MetricsLog;
import dev.sphere.trainer.loop.TrainedRows;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A training's folder that somebody else made: links lead nowhere, and a pipe blocks nobody. */
class StrangeFolderTest {
  @TempDir Path dir;

  @Test
  void rewardsAreNotWrittenThroughALink() throws Exception {
    Path outside = Files.writeString(dir.resolve("outside"), "mine\n");
    Path run = Files.createDirectory(dir.resolve("run"));
    Files.createSymbolicLink(run.resolve("rewards.jsonl"), outside);
    RuntimeException refused = assertThrows(RuntimeException.class, () -> new Rewards((p, s) -> true, run, true));
    assertTrue(refused instanceof UncheckedIOException || refused instanceof StoreException, refused.toString());
    assertEquals("mine\n", Files.readString(outside));
  }

  @Test
  void aPipeInPlaceOfTheRowsIsNoHead() throws Exception {
    Path pipe = dir.resolve("rows.jsonl");
    assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
    assertTimeoutPreemptively(Duration.ofSeconds(20), () -> assertTrue(TrainedRows.head(dir).isEmpty()));
  }

  @Test
  void metricsAreNotReadThroughALink() throws Exception {
    Path outside = Files.writeString(dir.resolve("outside"), "{}\n");
    Files.createSymbolicLink(dir.resolve("metrics.jsonl"), outside);
    assertThrows(UncheckedIOException.class, () -> new MetricsLog(MetricsLog.in(dir), List.of(), line -> { }));
    assertEquals("{}\n", Files.readString(outside));
  }
}
