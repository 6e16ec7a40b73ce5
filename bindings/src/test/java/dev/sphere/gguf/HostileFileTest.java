package dev.sphere.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Thousands of damaged files: each is either refused in one line, or sound enough that llama.cpp loads it, tokenizes
 * and computes with it, or refuses it with an error of its own, but never ends the process. The second half runs in a
 * JVM of its own, because that is what an assertion in native code would end.
 */
class HostileFileTest {
  /** Percent of the variants to try: 100 (minutes) for a thorough search after a change of the checks. */
  private static final int SHARE = Integer.getInteger("sphere.hostile.percent", 20);
  private static final int NATIVE_FILES = SHARE == 100 ? Integer.MAX_VALUE : 200;

  @TempDir static Path dir;
  private static Path qwen2;
  private static final List<Mutations.Mutant> SURVIVORS = new ArrayList<>();
  private static final List<Mutations.Mutant> ADAPTERS = new ArrayList<>();
  private static int refused;

  @BeforeAll
  static void mutate() {
    qwen2 = Specimens.qwen2(dir);
    Path scratch = dir.resolve("scratch.gguf");
    for (Path sound : List.of(qwen2, Specimens.llama(dir))) {
      Mutations.of(sound, SHARE, scratch, 1, mutant -> tryOpen(mutant, true, SURVIVORS));
    }
    Mutations.of(Specimens.adapter(dir, qwen2), SHARE, scratch, 2, mutant -> tryOpen(mutant, false, ADAPTERS));
  }

  private static void tryOpen(Mutations.Mutant mutant, boolean model, List<Mutations.Mutant> survivors) {
    Path path = dir.resolve("mutant.gguf");
    try {
      Files.write(path, mutant.bytes());
      try (GgufFile file = model ? GgufFile.openModel(path) : GgufFile.open(path)) {
        if (model || file.kind() == GgufFile.Kind.ADAPTER) {
          survivors.add(mutant);
        }
      }
    } catch (GgufException e) {
      refused++;
      String message = e.getMessage();
      assertTrue(message.startsWith(path.toString()), message);
      assertFalse(message.contains("\n"), message);
      assertTrue(message.length() < 400, message);
    } catch (IOException | RuntimeException | Error e) {
      fail(mutant.how() + " ends in " + e, e);
    }
  }

  /** Inf in a norm makes NaN of every logit: nobody can use the model, so nobody opens it. */
  @Test
  void aNormThatIsNotFiniteIsRefused(@TempDir Path dir) throws Exception {
    Path model = dir.resolve("inf.gguf");
    for (String name : List.of("output_norm.weight", "blk.1.ffn_norm.weight", "blk.0.attn_q.bias")) {
      for (float value : new float[] {Float.POSITIVE_INFINITY, Float.NaN}) {
        RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 1, model);
        long offset;
        try (GgufFile whole = GgufFile.openModel(model)) {
          offset = whole.tensor(name).offset();
        }
        try (FileChannel channel = FileChannel.open(model, StandardOpenOption.WRITE)) {
          channel.write(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(value).flip(), offset + 8);
        }
        String message = assertThrows(GgufException.class, () -> GgufFile.openModel(model)).getMessage();
        assertTrue(message.contains(name) && message.contains("value 2 is " + value), message);
      }
    }
  }

  @Test
  void mostAreRefusedInOneLine() {
    assertTrue(refused > 1000, "refused: " + refused);
    assertTrue(SURVIVORS.size() > 150 && ADAPTERS.size() > 20, SURVIVORS.size() + " " + ADAPTERS.size());
  }

  @Test
  void noFileThatPassesEndsTheProcess() throws Exception {
    List<Path> files = new ArrayList<>();
    List<String> names = new ArrayList<>();
    write(SURVIVORS, "model", files, names);
    write(ADAPTERS, "adapter", files, names);
    List<String> crashes = new ArrayList<>();
    int done = 0;
    while (done < files.size()) {
      Path log = dir.resolve("log.txt");
      int status = NativeSurvival.run(qwen2, files.subList(done, files.size()), log);
      List<String> lines = Files.readAllLines(log);
      long begun = lines.stream().filter(line -> line.startsWith("BEGIN ")).count();
      if (status != 0) {
        String culprit = begun == 0 ? "before the first file" : names.get(done + (int) begun - 1);
        crashes.add("status " + status + ": " + culprit);
        if (begun == 0) {
          break;
        }
      } else {
        assertEquals(files.size() - done, lines.stream().filter(line -> line.startsWith("END ")).count());
      }
      done += (int) begun;
    }
    assertEquals(List.of(), crashes);
  }

  /** An even sample of the files that passed. */
  private static void write(List<Mutations.Mutant> mutants, String kind, List<Path> files, List<String> names)
      throws IOException {
    int count = Math.min(NATIVE_FILES, mutants.size());
    for (int i = 0; i < count; i++) {
      Mutations.Mutant mutant = mutants.get((int) ((long) i * mutants.size() / count));
      Path path = dir.resolve(kind + "-" + i + ".gguf");
      Files.write(path, mutant.bytes());
      files.add(path);
      names.add(kind + " with " + mutant.how());
    }
  }
}
