package dev.sphere.trainer.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.store.FileSums;
import dev.sphere.faults.AnyChange;
import dev.sphere.faults.Faults;
import dev.sphere.trainer.TinyModel;
import dev.sphere.trainer.checkpoint.Checkpoints;
import dev.sphere.trainer.checkpoint.TensorFile;
import dev.sphere.trainer.data.RowReport;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.objective.DpoObjective;
import dev.sphere.trainer.output.RunTracker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.io.TempDir;

/**
 * A training on a disk that dies or fails at every change of it: resumed, it makes the weights of the undisturbed
 * one.
 */
class TrainingFaultsTest implements AnyChange {
  private static final TrainSettings SETTINGS = Runs.settings().withEpochs(2).withCheckpoints(2, 2);

  @TempDir private Path temporary;

  private static void train(Path root, Consumer<String> said) {
    Path folder = root.resolve("runs/train");
    TrainingListener listener = new TrainingListener() {
      @Override
      public void checkpoint(Path file) {
        said.accept(file.getFileName().toString());
      }
    };
    try (TinyModel model = Runs.model(true); RunTracker tracker = new RunTracker(folder, 0.1, listener)) {
      RunOptions options = RunOptions.in(folder).withResume(true).withListener(tracker);
      TrainingResult result =
          new Trainer<>(new DpoObjective(model, LossSettings.defaults()), Runs.pairs(8), SETTINGS, options).run();
      StringBuilder text = new StringBuilder();
      for (float w : Runs.weights(model)) {
        text.append(Float.floatToRawIntBits(w)).append('\n');
      }
      AtomicFile.writeText(folder.resolve("weights.txt"), text);
      new FileSums(folder).put(folder.resolve("weights.txt"));
      tracker.report(result, List.of(), new RowReport("pairs.jsonl", RowReport.OnBadRow.SKIP));
      said.accept("weights");
    }
  }

  /** The newest checkpoint, or a later one, is there and whole; what is done is there as a whole. */
  private static void there(Path root, List<String> said) throws IOException {
    if (said.isEmpty()) {
      return;
    }
    Path folder = root.resolve("runs/train");
    Path newest = Checkpoints.files(folder.resolve("checkpoints")).getLast();
    String last = said.stream().filter(s -> s.endsWith(".checkpoint")).reduce((a, b) -> b).orElseThrow();
    assertTrue(newest.getFileName().toString().compareTo(last) >= 0, last);
    TensorFile.open(newest);
    if (said.contains("weights")) {
      assertEquals(FileSums.State.WHOLE, new FileSums(folder).state(folder.resolve("weights.txt")));
      assertEquals(4, Files.readAllLines(folder.resolve("metrics.jsonl")).size());
      assertTrue(Files.exists(folder.resolve("report.html")));
    }
  }

  private static void same(Path whole, Path root) throws IOException {
    Path folder = root.resolve("runs/train");
    assertEquals(-1, Files.mismatch(whole.resolve("runs/train/weights.txt"), folder.resolve("weights.txt")));
    assertEquals(Runs.curve(whole.resolve("runs/train")), Runs.curve(folder));
    assertEquals(List.of(), new FileSums(folder).check(""));
  }

  @Override
  public Faults faults() throws Exception {
    return new Faults(temporary, 6, TrainingFaultsTest::train, TrainingFaultsTest::there, TrainingFaultsTest::same);
  }

  @Override
  public int cases() {
    return 5;
  }
}
