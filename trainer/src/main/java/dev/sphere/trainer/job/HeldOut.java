package dev.sphere.trainer.job;

import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.data.Example;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Rows that are measured and not trained on. A share of the training rows consists of whole trees, so that no
 * held-out row shares its problem with a trained one.
 *
 * @param file null for none
 */
public record HeldOut(
    @Setting(name = "eval_data", label = "FILE", shown = "none",
        help = "Rows that are measured and not trained on, as eval_... in the metrics.")
    Path file,
    @Setting(name = "eval_share", def = "0", range = "[0, 1)", label = "S",
        help = "Share of the training rows that is held out and measured, whole trees.")
    double share,
    @Setting(name = "eval_every", def = "0", shown = "0, at the start and the end", range = "[0, )", label = "N",
        unit = "steps", needs = "eval_data or eval_share", help = "Steps between two readings of the held-out rows.")
    int every) {
  private static final double SPAN = 1L << 32;

  public HeldOut {
    SettingsTree.requireRanges(HeldOut.class, file, share, every);
  }

  public static HeldOut none() {
    return new HeldOut(null, 0, 0);
  }

  /** The trained and the held-out examples; a hash of each tree's text and the seed decides where it goes. */
  <T extends Example> List<List<T>> split(List<T> examples, long seed) {
    List<T> trained = new ArrayList<>();
    List<T> held = new ArrayList<>();
    for (T e : examples) {
      CRC32C crc = new CRC32C();
      crc.update((seed + "\0" + e.tree()).getBytes(StandardCharsets.UTF_8));
      (crc.getValue() / SPAN < share ? held : trained).add(e);
    }
    return List.of(trained, held);
  }
}
