package dev.sphere.trainer.loop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.store.Finding;
import dev.sphere.engine.store.StoreException;
import dev.sphere.trainer.TinyModel;
import dev.sphere.trainer.checkpoint.Checkpoints;
import dev.sphere.trainer.checkpoint.TrainingCheck;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.objective.DpoObjective;
import dev.sphere.trainer.objective.SftObjective;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A stopped, killed or damaged run goes on to the very bits of an undisturbed one, or says why it does not. */
class ResumeTest {
  @TempDir
  Path folder;

  private record Run(TrainingResult result, float[] weights) {}

  private Run run(String name, boolean adapter, TrainSettings settings, RunOptions options) {
    return run(name, adapter, settings, options, LossSettings.defaults());
  }

  private Run run(String name, boolean adapter, TrainSettings settings, RunOptions options, LossSettings loss) {
    try (TinyModel model = Runs.model(adapter)) {
      TrainingResult result =
          new Trainer<>(new DpoObjective(model, loss), Runs.pairs(20), settings, options).run();
      return new Run(result, Runs.weights(model));
    }
  }

  private RunOptions in(String name) {
    return RunOptions.in(folder.resolve(name)).withModel("hash", Map.of("max_length", 64));
  }

  @Test
  void aStoppedRunGoesOnBitForBit() throws IOException {
    for (boolean adapter : new boolean[] {true, false}) {
      // Lines of 2 steps, stops at odd ones: a half-filled line must survive too.
      TrainSettings s = Runs.settings().withLogEvery(2);
      Run whole = run("whole", adapter, s, in("whole" + adapter));
      assertEquals(15, whole.result.steps());
      String name = "parts" + adapter;
      int parts = 0;
      Run part;
      do {
        AtomicInteger asked = new AtomicInteger();
        part = run(name, adapter, s, in(name).withResume(true).withStop(() -> asked.incrementAndGet() > 3));
        parts++;
      } while (!part.result.complete());
      assertEquals(5, parts);
      assertArrayEquals(whole.weights, part.weights);
      assertEquals(Runs.curve(folder.resolve("whole" + adapter)), Runs.curve(folder.resolve(name)));
    }
  }

  @Test
  void aKilledRunGoesOnBitForBit() throws Exception {
    Path undisturbed = folder.resolve("undisturbed");
    assertEquals(0, start(undisturbed, 0).waitFor());
    Path killed = folder.resolve("killed");
    for (int steps : new int[] {6, 5}) {
      Process process = start(killed, 60);
      try (BufferedReader out = process.inputReader()) {
        for (int seen = 0; seen < steps; seen++) {
          assertTrue(out.readLine().startsWith("step "));
        }
        process.toHandle().destroyForcibly();
        process.waitFor();
      }
      assertFalse(Files.exists(killed.resolve("weights.txt")));
    }
    Process last = start(killed, 0);
    try (BufferedReader out = last.inputReader()) {
      assertEquals("step 9", out.readLine(), "from the checkpoint of step 8");
      out.lines().count();
    }
    assertEquals(0, last.waitFor());
    assertEquals(
        Files.readString(undisturbed.resolve("weights.txt")), Files.readString(killed.resolve("weights.txt")));
    assertEquals(Runs.curve(undisturbed), Runs.curve(killed));
  }

  private static Process start(Path folder, int pause) throws IOException {
    String classes = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    List<String> command = List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--enable-native-access=ALL-UNNAMED",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        classes,
        Runs.class.getName(),
        folder.toString(),
        Integer.toString(pause));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  @Test
  void anotherRunsCheckpointIsRefusedAndWhatDiffersIsNamed() {
    run("a", true, Runs.settings().withMaxSteps(5), in("a"));
    var other = Runs.settings().withMaxSteps(5).withSeed(8);
    var e = assertThrows(
        StoreException.Refused.class,
        () -> run("a", true, other, in("a").withResume(true).withModel("other", Map.of("max_length", 32))));
    assertTrue(e.getMessage().contains("model is \"hash\", not \"other\""), e.getMessage());
    assertTrue(e.getMessage().contains("max_length is \"64\", not \"32\""), e.getMessage());
    assertTrue(e.getMessage().contains("seed is \"7\", not \"8\""), e.getMessage());
    assertFalse(e.getMessage().contains("beta"), e.getMessage());
    var fresh = assertThrows(
        StoreException.Refused.class, () -> run("a", true, Runs.settings().withMaxSteps(5), in("a")));
    assertTrue(fresh.getMessage().contains("Resume it"), fresh.getMessage());
  }

  @Test
  void aDamagedCheckpointIsPassedOver() throws IOException {
    TrainSettings s = Runs.settings().withCheckpoints(4, 5);
    Run whole = run("a", false, s, in("a"));
    Path newest = whole.result.checkpoint();
    try (FileChannel c = FileChannel.open(newest, StandardOpenOption.WRITE)) {
      c.truncate(c.size() - 3);
    }
    List<String> notes = new ArrayList<>();
    TrainingListener listener = new TrainingListener() {
      @Override
      public void note(String line) {
        notes.add(line);
      }

      @Override
      public void started(int firstStep, int totalSteps) {
        notes.add("from " + firstStep);
      }
    };
    Run again = run("a", false, s, in("a").withResume(true).withListener(listener));
    assertEquals(2, notes.size(), notes.toString());
    assertTrue(notes.getFirst().contains(newest.getFileName().toString()), notes.toString());
    assertEquals("from 12", notes.get(1));
    assertArrayEquals(whole.weights, again.weights);
  }

  private interface Harm {
    void to(Path file) throws IOException;
  }

  private static Harm flip(double where) {
    return file -> {
      byte[] bytes = Files.readAllBytes(file);
      bytes[(int) (where * (bytes.length - 1))] ^= 4;
      Files.write(file, bytes);
    };
  }

  private static Harm cut(double where) {
    return file -> {
      byte[] bytes = Files.readAllBytes(file);
      Files.write(file, Arrays.copyOf(bytes, (int) (where * bytes.length)));
    };
  }

  /** Where a copy of a finished run is, one of whose files is then harmed. */
  private Path copyOf(String name, String copy) throws IOException {
    Path from = folder.resolve(name);
    Path to = folder.resolve(copy);
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
    return to;
  }

  /** Whatever file of a run is harmed, however: it is told beforehand, and what comes out is the undamaged run's. */
  @Test
  void whateverIsDamagedIsMadeWhole() throws IOException {
    TrainSettings s = Runs.settings().withCheckpoints(4, 2).withLogEvery(2);
    Run whole = run("whole", false, s, in("whole"));
    List<String> curve = Runs.curve(folder.resolve("whole"));
    assertEquals(List.of(), TrainingCheck.of(folder.resolve("whole")));
    assertTrue(TrainingCheck.isTraining(folder.resolve("whole")) && !TrainingCheck.isTraining(folder));
    List<String> files = new ArrayList<>(List.of(
        "metrics.jsonl", "checkpoints/step-00000012.checkpoint", "checkpoints/step-00000015.checkpoint"));
    try (Stream<Path> all = Files.list(folder.resolve("whole"))) {
      all.map(f -> f.getFileName().toString()).filter(f -> f.startsWith("reference-")).forEach(files::add);
    }
    assertEquals(4, files.size());
    List<Harm> harms = new ArrayList<>(List.of(Files::delete, file -> Files.write(file, new byte[0])));
    Random random = new Random(5);
    for (int i = 0; i < 12; i++) {
      harms.add(i % 2 == 0 ? flip(random.nextDouble()) : cut(random.nextDouble()));
    }
    harms.add(flip(0));
    harms.add(flip(1));
    harms.add(file -> Files.write(file, new byte[] {7, 10, 0}, StandardOpenOption.APPEND));
    int cases = 0;
    for (String file : files) {
      for (Harm harm : harms) {
        String name = "case" + cases++;
        Path run = copyOf("whole", name);
        harm.to(run.resolve(file));
        boolean gone = !Files.exists(run.resolve(file));
        List<Finding> found = TrainingCheck.of(run);
        List<String> notes = new ArrayList<>();
        Run again = run(name, false, s, in(name).withResume(true).withListener(noting(notes)));
        assertArrayEquals(whole.weights, again.weights, name + " " + file);
        assertEquals(curve, Runs.curve(run), name + " " + file);
        assertEquals(List.of(), TrainingCheck.of(run), name + " " + file);
        // A checkpoint that is gone is not missed, the one before does as well; what follows the metrics is dropped.
        boolean silent = file.equals("metrics.jsonl") ? harm == harms.getLast() : gone;
        assertEquals(silent, found.isEmpty(), name + " " + file + " " + found);
        assertTrue(silent || !notes.isEmpty(), name + " " + file + ": not a word");
        if (!gone && file.contains("step")) {
          String aside = file.replace("checkpoints/", "checkpoints/damaged/") + ".1";
          assertTrue(Files.exists(run.resolve(aside)), "kept aside");
        }
      }
    }
  }

  private static TrainingListener noting(List<String> notes) {
    return new TrainingListener() {
      @Override
      public void note(String line) {
        notes.add(line);
      }
    };
  }

  @Test
  void withoutAWholeCheckpointTheAdviceBeginsAnew() throws IOException {
    TrainSettings s = Runs.settings().withCheckpoints(4, 2);
    Run whole = run("a", false, s, in("a"));
    Path checkpoints = folder.resolve("a").resolve("checkpoints");
    for (Path file : Checkpoints.files(checkpoints)) {
      flip(0.5).to(file);
    }
    assertTrue(TrainingCheck.of(folder.resolve("a")).stream().noneMatch(Finding::mendable));
    String message = assertThrows(
        StoreException.Refused.class, () -> run("a", false, s, in("a").withResume(true))).getMessage();
    assertTrue(message.contains("move them all away and train with --resume again"), message);
    assertEquals(2, Checkpoints.files(checkpoints).size(), "refused and changed");
    for (Path file : Checkpoints.files(checkpoints)) {
      Files.move(file, folder.resolve(file.getFileName()));
    }
    List<String> notes = new ArrayList<>();
    Run again = run("a", false, s, in("a").withResume(true).withListener(noting(notes)));
    assertArrayEquals(whole.weights, again.weights);
    assertTrue(notes.getFirst().contains("begins anew"), notes.toString());
  }

  /** A damaged newer checkpoint counted as one to keep, and pushed the good one out. */
  @Test
  void aDamagedCheckpointDoesNotPushAGoodOneOut() throws IOException {
    TrainSettings s = Runs.settings().withCheckpoints(4, 2);
    Run whole = run("a", false, s, in("a"));
    flip(0.5).to(whole.result.checkpoint());
    AtomicInteger asked = new AtomicInteger();
    run("a", false, s.withCheckpoints(1, 1), in("a").withResume(true).withStop(() -> asked.incrementAndGet() > 1));
    Run again = run("a", false, s, in("a").withResume(true));
    assertArrayEquals(whole.weights, again.weights);
    assertEquals(15, Runs.curve(folder.resolve("a")).size());
  }

  /** What a run is made of: another name or order is another run. */
  @Test
  void identitiesAreWrittenDown() {
    try (TinyModel model = Runs.model(false)) {
      var identity = new Trainer<>(new DpoObjective(model, LossSettings.defaults()), Runs.pairs(20), Runs.settings(),
          RunOptions.in(folder)).identity().toMap();
      assertEquals(
          "{model=unknown, data=b00d030d08cccdd6baa41d1ee5465b243a65c05b9e59dbda14ef2660660bd0c2, "
              + "objective=dpo, optimizer=adamw, learning_rate=0.05, weight_decay=0.01, beta1=0.9, "
              + "beta2=0.999, adam_epsilon=1.0E-8, momentum=0.0, max_grad_norm=1.0, schedule=cosine, "
              + "warmup=3.0, sharing=tree, micro_batch_tokens=4096, fill_tokens=4096, "
              + "attention_tokens=1024, batch_pairs=4, epochs=3, steps=0, order=trees, seed=7, "
              + "loss=[sigmoid], loss_weights=[1.0], beta=0.1, label_smoothing=0.0, "
              + "f_divergence=reverse_kl, f_alpha=0.5, ld_alpha=1.0, "
              + "discopop_tau=0.05, reference_free=false, wpo=false}",
          identity.toString());
      var rows = Runs.rows(4);
      var alike = new Trainer<>(new SftObjective(model), rows, Runs.settings(), RunOptions.in(folder)).identity();
      assertEquals("sft", alike.settings().get("objective"));
      assertFalse(alike.settings().containsKey("weights"), "rows that all count 1 say nothing of it");
      rows.set(0, new Example.Imitation("row 0", "row 0", rows.getFirst().sequence(), 2));
      var weighed = new Trainer<>(new SftObjective(model), rows, Runs.settings(), RunOptions.in(folder)).identity();
      assertEquals(alike.dataHash(), weighed.dataHash());
      assertEquals(64, weighed.settings().get("weights").toString().length(), "a hash of them");
    }
  }

  @Test
  void aFinishedRunIsLeftAsItIs() {
    Run whole = run("a", false, Runs.settings(), in("a"));
    Run again = run("a", false, Runs.settings(), in("a").withResume(true));
    assertEquals(15, again.result.steps());
    assertTrue(again.result.complete());
    assertArrayEquals(whole.weights, again.weights);
  }

  /** A crash leaves what the checkpoints hold and nothing else, whichever step it comes after. */
  @Test
  void aCrashAfterAnyStepIsMadeUpForBitForBit() throws IOException {
    LossSettings moving = LossSettings.defaults().withWpo(true).withSync(new LossSettings.Sync(3, 0.6));
    TrainSettings s = Runs.settings().withCheckpoints(2, 1).withLogEvery(3);
    Run whole = run("whole", false, s, in("whole"), moving);
    int crashes = 0;
    for (int crash = 1; crash <= 15; crash++) {
      String name = "crash" + crash;
      AtomicInteger asked = new AtomicInteger();
      int at = crash;
      RunOptions options = in(name).withStop(() -> {
        if (asked.getAndIncrement() == at) {
          throw new StackOverflowError("a crash after step " + at);
        }
        return false;
      });
      try {
        run(name, false, s, options, moving);
      } catch (StackOverflowError e) {
        crashes++;
      }
      Run again = run(name, false, s, in(name).withResume(true), moving);
      assertArrayEquals(whole.weights, again.weights, name);
      assertEquals(Runs.curve(folder.resolve("whole")), Runs.curve(folder.resolve(name)), name);
    }
    assertEquals(14, crashes, "after the last step nobody is asked again");
  }

  /** A link under the checkpoint's temporary name is not followed; once it is gone, the run goes on. */
  @Test
  void aFailedCheckpointEndsTheRunAndLeavesWhatWasSaved() throws IOException {
    Run whole = run("whole", false, Runs.settings(), in("whole"));
    Path checkpoints = Files.createDirectories(folder.resolve("full").resolve("checkpoints"));
    Path planted = checkpoints.resolve("step-00000008.checkpoint.tmp");
    Path victim = Files.writeString(folder.resolve("victim"), "precious");
    Files.createSymbolicLink(planted, victim);
    var e = assertThrows(
        UncheckedIOException.class, () -> run("full", false, Runs.settings(), in("full").withResume(true)));
    assertTrue(e.getMessage().contains("step-00000008.checkpoint.tmp is in the way"), e.getMessage());
    assertEquals("precious", Files.readString(victim));
    Files.delete(planted);
    assertTrue(Files.exists(checkpoints.resolve("step-00000004.checkpoint")));
    Run again = run("full", false, Runs.settings(), in("full").withResume(true));
    assertArrayEquals(whole.weights, again.weights);
    assertEquals(Runs.curve(folder.resolve("whole")), Runs.curve(folder.resolve("full")));
  }

  @Test
  void heldOutRowsChangeNothingInWhatIsTrained() throws IOException {
    Run plain = run("plain", false, Runs.settings(), in("plain"));
    var heldOut = new RunOptions.Evaluation(Runs.pairs(30).subList(20, 30), 5);
    Run measured = run("measured", false, Runs.settings(), in("measured").withEvaluation(heldOut));
    assertArrayEquals(plain.weights, measured.weights);
    List<Integer> steps = Runs.metrics(folder.resolve("measured")).stream()
        .filter(m -> m.has("eval_loss"))
        .map(m -> m.path("step").asInt())
        .toList();
    assertEquals(List.of(0, 5, 10, 15), steps);
    assertEquals(
        Math.log(2), Runs.metrics(folder.resolve("measured")).getFirst().path("eval_loss").asDouble(), 1e-12);
  }

  /** Artefacts list them, so another order would be other bytes. */
  @Test
  void settingsKeepTheirOrder() {
    java.util.Map<String, Object> told = new java.util.LinkedHashMap<>();
    for (int i = 0; i < 20; i++) {
      told.put("s" + (i * 7 % 20), i);
    }
    var kept = RunOptions.in(folder).withModel("aa", told).withResume(true).modelSettings();
    assertEquals(List.copyOf(told.keySet()), List.copyOf(kept.keySet()));
  }

  @Test
  void twoRunsInOneFolderAreRefused() {
    List<String> second = new ArrayList<>();
    TrainingListener listener = new TrainingListener() {
      @Override
      public void started(int firstStep, int totalSteps) {
        second.add(assertThrows(
            StoreException.Refused.class,
            () -> run("a", false, Runs.settings(), in("a").withResume(true))).getMessage());
      }
    };
    run("a", false, Runs.settings().withMaxSteps(1), in("a").withListener(listener));
    assertEquals(1, second.size());
    assertTrue(second.getFirst().startsWith("another process trains in"), second.toString());
  }
}
