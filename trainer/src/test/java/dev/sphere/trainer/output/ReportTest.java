package dev.sphere.trainer.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.RowReport;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loop.TrainingResult;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The event file, read back by hand from the formats' own descriptions, and the page. */
class ReportTest {
  @TempDir
  Path folder;

  /** A scalar of an event file. */
  private record Scalar(long step, String tag, float value) {}

  @Test
  void checksumsAreMaskedAsTfRecordsAre() {
    // From TensorFlow's crc32c test vectors: 32 zero bytes have the CRC-32C 0x8a9136aa.
    int crc = 0x8a9136aa;
    assertEquals(((crc >>> 15) | (crc << 17)) + 0xa282ead8, TensorBoardLog.masked(new byte[32], 32));
  }

  @Test
  void theEventFileHoldsEachStepOnce() throws IOException {
    try (RunTracker tracker = new RunTracker(folder, 0.1, TrainingListener.NONE)) {
      tracker.started(0, 3);
      tracker.step(new StepMetrics(1, 0.5, Map.of("loss", 0.75)), 3);
    }
    // Resumed: the metrics up to the checkpoint are there, the rest of the file is written again.
    Files.writeString(
        folder.resolve("metrics.jsonl"),
        "{\"step\":1,\"epoch\":0.5,\"loss\":0.75}\n{\"step\":2,\"epoch\":1.0,\"loss\":0.5,\"eval_loss\":0.25}\n{\"st");
    try (RunTracker tracker = new RunTracker(folder, 0.1, TrainingListener.NONE)) {
      tracker.started(2, 3);
      tracker.step(new StepMetrics(300, 1.5, Map.of("rewards/margins", -1.5)), 3);
    }
    assertEquals(
        List.of(
            new Scalar(1, "train/epoch", 0.5f), new Scalar(1, "train/loss", 0.75f), new Scalar(2, "train/epoch", 1f),
            new Scalar(2, "train/loss", 0.5f), new Scalar(2, "eval/loss", 0.25f), new Scalar(300, "train/epoch", 1.5f),
            new Scalar(300, "train/rewards/margins", -1.5f)),
        read(folder.resolve(RunTracker.EVENTS)));
  }

  /**
   * Chosen completions of 20 nats for the reference that lose 7 in the end are told of once; losing 5 is nothing to
   * tell.
   */
  @Test
  void aFallOfTheChosenIsTold() {
    for (double lost : new double[] {5, 7}) {
      List<String> notes = new ArrayList<>();
      TrainingListener listener = new TrainingListener() {
        @Override
        public void note(String line) {
          notes.add(line);
        }
      };
      try (RunTracker tracker = new RunTracker(folder, 0.1, listener)) {
        tracker.started(0, 30);
        for (int step = 1; step <= 30; step++) {
          double fall = step < 12 ? 0 : lost;
          tracker.step(new StepMetrics(step, 0, Map.of("rewards/chosen", -0.1 * fall, "logps/chosen", -20 - fall)), 30);
          assertTrue(step >= 20 || notes.isEmpty(), "nine of ten steps must have fallen");
        }
      }
      assertEquals(lost == 7 ? 1 : 0, notes.size());
      assertTrue(notes.stream().allMatch(n -> n.contains("is -26.3, the reference's -20.0")), notes.toString());
    }
  }

  /** Records of a TFRecord file; their Event messages' scalars, by the wire format. */
  private static List<Scalar> read(Path file) throws IOException {
    ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<Scalar> scalars = new ArrayList<>();
    boolean first = true;
    while (in.hasRemaining()) {
      byte[] length = new byte[8];
      in.get(length);
      assertEquals(crc(length), in.getInt());
      byte[] event = new byte[(int) ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong()];
      in.get(event);
      assertEquals(crc(event), in.getInt());
      if (first) {
        assertTrue(new String(event, StandardCharsets.ISO_8859_1).endsWith("brain.Event:2"));
      } else {
        event(ByteBuffer.wrap(event).order(ByteOrder.LITTLE_ENDIAN), scalars);
      }
      first = false;
    }
    return scalars;
  }

  private static int crc(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    int c = (int) crc.getValue();
    return ((c >>> 15) | (c << 17)) + 0xa282ead8;
  }

  private static void event(ByteBuffer e, List<Scalar> scalars) {
    assertEquals(1 << 3 | 1, e.get(), "wall_time, 8 bytes");
    assertTrue(e.getDouble() > 1e9);
    assertEquals(2 << 3, e.get(), "step, varint");
    long step = varint(e);
    assertEquals(5 << 3 | 2, e.get(), "summary, bytes");
    int end = (int) varint(e) + e.position();
    assertEquals(e.limit(), end);
    while (e.position() < end) {
      assertEquals(1 << 3 | 2, e.get(), "value, bytes");
      varint(e);
      assertEquals(1 << 3 | 2, e.get(), "tag, bytes");
      byte[] tag = new byte[(int) varint(e)];
      e.get(tag);
      assertEquals(2 << 3 | 5, e.get(), "simple_value, 4 bytes");
      scalars.add(new Scalar(step, new String(tag, StandardCharsets.UTF_8), e.getFloat()));
    }
  }

  private static long varint(ByteBuffer e) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte b = e.get();
      value |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        return value;
      }
    }
  }

  @Test
  void thePageNeedsNothingBesideItself() throws IOException {
    Files.writeString(
        folder.resolve("metrics.jsonl"),
        "{\"step\":1,\"epoch\":0.5,\"loss\":0.75,\"rewards/margins\":0.1,\"learning_rate\":1e-5}\n"
            + "{\"step\":2,\"epoch\":1.0,\"loss\":0.5,\"rewards/margins\":0.2,\"learning_rate\":2e-5,\"eval_loss\":0.6}\n");
    RowReport rows = new RowReport("pairs.jsonl", RowReport.OnBadRow.SKIP);
    Identity identity = new Identity("abc", "def", Map.of("beta", 0.1));
    StepMetrics last = new StepMetrics(2, 1, Map.of("loss", 0.5));
    Path page;
    try (RunTracker tracker = new RunTracker(folder, 0.1, TrainingListener.NONE)) {
      page = tracker.report(
          new TrainingResult(2, true, last, null, identity),
          List.of(new Sample("row 1", "2 < 3 & \"x\"?", List.of("yes </script><script>alert(1)", "no"))),
          rows);
    }
    String html = Files.readString(page);
    assertTrue(html.contains("2 steps, complete. Last loss 0.5000, eval_loss 0.6000, rewards/margins 0.2000."), "words");
    assertTrue(html.contains("{\"title\":\"Loss\",\"names\":[\"loss\",\"eval_loss\"],\"x\":[1,2],"
        + "\"values\":[[0.75,0.5],[null,0.6]],"), "the curve's points");
    assertTrue(html.contains("\"title\":\"Learning rate\""), "learning rate");
    assertFalse(html.contains("\"title\":\"Steps judged right\""), "no chart without points");
    assertTrue(html.contains("2 &lt; 3 &amp; &quot;x&quot;?") && html.contains("yes &lt;/script&gt;"), "samples escaped");
    assertTrue(html.contains("var uPlot=") || html.contains("uPlot=function"), "the library is inside");
    assertFalse(html.matches("(?s).*(src|href)=.*"), "nothing is loaded from anywhere");
    assertEquals(3, html.split("</script>", -1).length - 1, "library, data and modules, none of them out of the data");
  }
}
