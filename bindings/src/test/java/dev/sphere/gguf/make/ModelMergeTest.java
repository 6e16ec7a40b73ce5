package dev.sphere.gguf.make;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.kernel.GgmlQuantizer;
import dev.sphere.bindings.llama.Adapter;
import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Model;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufException;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.Specimens;
import dev.sphere.gguf.model.GgufFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ModelMergeTest {
  @TempDir Path dir;
  private Path model;

  @BeforeEach
  void model() {
    model = Specimens.qwen2(dir);
  }

  private static GgufWriter adapter(float alpha) {
    return new GgufWriter().put("general.architecture", GgufValue.string("qwen2"))
        .put("general.type", GgufValue.string("adapter"))
        .put("adapter.type", GgufValue.string("lora"))
        .put("adapter.lora.alpha", GgufValue.f32(alpha));
  }

  private static float[] integers(Random random, int count, int most) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextInt(2 * most + 1) - most;
    }
    return values;
  }

  private Path merge(Path adapter, GgmlType type) {
    Path out = dir.resolve("merged.gguf");
    ModelMerge.merge(model, adapter, type == null ? MergeType.BASE : MergeType.of(type), GgmlQuantizer::quantize, out, name -> {});
    return out;
  }

  /** With small integers every step is exact, so the product must be too, to the bit. */
  @Test
  void addsTheProductExactly() {
    Random random = new Random(1);
    for (int rank : new int[] {1, 3, 8}) {
      String name = "blk.1.ffn_down.weight"; // 160 x 64
      float[] a = integers(random, 160 * rank, 4);
      float[] b = integers(random, rank * 64, 4);
      Path adapter = dir.resolve("a.gguf");
      adapter(rank / 4f).tensor(name + ".lora_a", GgmlType.F32, List.of(160L, (long) rank), a)
          .tensor(name + ".lora_b", GgmlType.F32, List.of((long) rank, 64L), b).write(adapter);
      try (GgufFile base = GgufFile.open(model); GgufFile merged = GgufFile.open(merge(adapter, null))) {
        float[] before = base.readFloats(name);
        float[] after = merged.readFloats(name);
        for (int row = 0; row < 64; row++) {
          for (int column = 0; column < 160; column++) {
            int sum = 0;
            for (int k = 0; k < rank; k++) {
              sum += (int) b[row * rank + k] * (int) a[k * 160 + column];
            }
            int i = row * 160 + column;
            assertEquals((float) (before[i] + sum / 4.0), after[i], name + " " + row + " " + column);
          }
        }
        base.tensors().keySet().stream().filter(other -> !other.equals(name))
            .forEach(other -> assertArrayEquals(base.readFloats(other), merged.readFloats(other), 0, other));
        base.metadata().values().forEach((key, value) -> assertTrue(
            java.util.Objects.deepEquals(value.value(), merged.metadata().values().get(key).value()), key));
        assertEquals(base.sha256(), merged.metadata().requireString("sphere.merge.base_sha256"));
      }
    }
  }

  @Test
  void anEmbeddingsPairIsTheOtherWayRound() {
    model = Specimens.llama(dir); // its embedding is not tied
    Random random = new Random(2);
    float[] a = integers(random, 2 * 268, 3); // a row of 2 for each token
    float[] b = integers(random, 2 * 64, 3); // a row of 2 for each column
    Path adapter = dir.resolve("a.gguf");
    adapter(0).put("general.architecture", GgufValue.string("llama"))
        .tensor("token_embd.weight.lora_a", GgmlType.F32, List.of(2L, 268L), a)
        .tensor("token_embd.weight.lora_b", GgmlType.F32, List.of(2L, 64L), b).write(adapter);
    try (GgufFile base = GgufFile.open(model); GgufFile merged = GgufFile.open(merge(adapter, GgmlType.F32))) {
      float[] before = base.readFloats("token_embd.weight");
      float[] after = merged.readFloats("token_embd.weight");
      for (int token = 0; token < 268; token++) {
        for (int column = 0; column < 64; column++) {
          int sum = (int) (a[2 * token] * b[2 * column] + a[2 * token + 1] * b[2 * column + 1]);
          int i = token * 64 + column;
          assertEquals((float) (before[i] + (double) sum), after[i]); // alpha 0: taken as it is
        }
      }
    }
  }

  /** What counts: the merged model computes what base and adapter compute together. */
  @Test
  void theMergedModelComputesWhatTheAdapterDoes() {
    for (boolean llama : new boolean[] {false, true}) {
      if (llama) {
        model = Specimens.llama(dir);
      }
      Path adapter = llama ? llamaAdapter() : Specimens.adapter(dir, model);
      Path merged = merge(adapter, GgmlType.F32);
      float[] plain = logits(model, null);
      float[] with = logits(model, adapter);
      float[] after = logits(merged, null);
      double effect = 0;
      for (int i = 0; i < with.length; i++) {
        effect = Math.max(effect, Math.abs(with[i] - plain[i]));
        assertEquals(with[i], after[i], llama ? 2e-2 : 2e-5); // Q8_0 also rounds what it multiplies with
      }
      assertTrue(effect > 0.1, "the adapter changes something: " + effect);
    }
  }

  private Path llamaAdapter() {
    Path path = dir.resolve("llama-adapter.gguf");
    Random random = new Random(3);
    GgufWriter writer = adapter(4).put("general.architecture", GgufValue.string("llama"));
    for (String name : List.of("token_embd.weight", "blk.0.attn_k.weight", "blk.1.ffn_up.weight", "output.weight")) {
      long columns = name.startsWith("token") ? 268 : 64;
      long rows = name.startsWith("token") ? 64 : name.contains("attn_k") ? 32 : name.contains("ffn_up") ? 160 : 268;
      float[] a = new float[(int) columns * 4];
      float[] b = new float[(int) rows * 4];
      for (int i = 0; i < a.length; i++) {
        a[i] = (float) random.nextGaussian() * 0.1f;
      }
      for (int i = 0; i < b.length; i++) {
        b[i] = (float) random.nextGaussian() * 0.1f;
      }
      boolean embedding = name.startsWith("token");
      writer.tensor(name + ".lora_a", GgmlType.F32, embedding ? List.of(4L, columns) : List.of(columns, 4L), a)
          .tensor(name + ".lora_b", GgmlType.F32, List.of(4L, rows), b);
    }
    writer.write(path);
    return path;
  }

  private static float[] logits(Path path, Path adapterFile) {
    try (Model model = Model.load(path); Adapter adapter = adapterFile == null ? null : Adapter.load(model, adapterFile);
        Context context = Context.open(model, ContextOptions.invariant(64, 1, 1)); Batch batch = new Batch(16)) {
      context.useAdapters(adapter == null ? List.of() : List.of(adapter));
      for (int i = 0; i < 16; i++) {
        batch.add(7 * i + 5, i, 0, true);
      }
      context.decode(batch);
      float[] all = new float[(int) context.logits().size()];
      context.logits().read(0, all);
      return all;
    }
  }

  @Test
  void everyTypeThatIsAskedForLoads() {
    Path adapter = Specimens.adapter(dir, model);
    for (GgmlType type : List.of(GgmlType.F32, GgmlType.F16, GgmlType.BF16, GgmlType.Q8_0, GgmlType.Q4_0)) {
      try (GgufFile merged = GgufFile.openModel(merge(adapter, type))) {
        merged.tensors().values().forEach(tensor ->
            assertEquals(tensor.shape().size() == 1 ? GgmlType.F32 : type, tensor.type(), tensor.name()));
        assertEquals(type.fileType(), merged.metadata().requireU32("general.file_type"));
      }
      assertTrue(Float.isFinite(logits(dir.resolve("merged.gguf"), null)[0]));
    }
  }

  /**
   * A base of K-quants keeps its types: the blocks are ggml's of W + alpha / rank B A, and the model computes what base
   * and adapter do, to the type's rounding.
   */
  @ParameterizedTest
  @EnumSource(value = GgmlType.class, names = {"Q4_0", "Q4_K", "Q5_K", "Q6_K"})
  void aQuantisedBaseKeepsItsType(GgmlType type) {
    model = dir.resolve("k.gguf");
    var like = new RandomModel.Dimensions("k", "qwen2", 2, 256, 4, 2, 64, 512, 128, 1e4f, 1e-6f, true, 0);
    RandomModel.write(like, ByteVocabulary.metadata(), type, 3, model);
    String name = "blk.1.ffn_down.weight"; // 512 x 256
    Random random = new Random(4);
    float[] a = integers(random, 512, 2);
    float[] b = integers(random, 256, 2);
    Path adapter = dir.resolve("a.gguf");
    adapter(1 / 32f).tensor(name + ".lora_a", GgmlType.F32, List.of(512L, 1L), a)
        .tensor(name + ".lora_b", GgmlType.F32, List.of(1L, 256L), b).write(adapter);
    Path exact = dir.resolve("exact.gguf");
    ModelMerge.merge(model, adapter, MergeType.of(GgmlType.F32), GgmlQuantizer::quantize, exact, n -> {});
    try (GgufFile base = GgufFile.openModel(model);
        GgufFile wide = GgufFile.openModel(exact);
        GgufFile merged = GgufFile.openModel(merge(adapter, null))) {
      float[] sums = wide.readFloats(name);
      float[] before = base.readFloats(name);
      for (int i = 0; i < sums.length; i++) {
        assertEquals((float) (before[i] + b[i / 512] * a[i % 512] / 32.0) + 0f, sums[i] + 0f, name + " " + i); // -0 is 0
      }
      assertEquals(type, merged.tensor(name).type());
      ByteBuffer blocks = ByteBuffer.allocate((int) type.bytes(sums.length));
      merged.readBytes(merged.tensor(name), 0, blocks);
      assertEquals(GgmlQuantizer.quantize(type, sums, 0, sums.length), blocks.flip(), "ggml's blocks of the sums");
      float[] after = merged.readFloats(name);
      // Rounding to 2^bits levels over a block's range, its scales rounded too; Q4_0's range is not symmetric.
      double[] error = new double[2];
      for (int i = 0; i < after.length; i++) {
        error[0] += Math.pow(after[i] - sums[i], 2);
        error[1] += Math.pow(sums[i], 2);
      }
      double relative = Math.sqrt(error[0] / error[1]);
      double most = switch (type) {
        case Q6_K -> 0.02;
        case Q5_K -> 0.04;
        default -> 0.1;
      };
      assertTrue(relative > 0 && relative < most, "relative error " + relative);
      base.tensors().keySet().stream().filter(other -> !other.equals(name)).forEach(other ->
          assertEquals(bytes(base, other), bytes(merged, other), other));
    }
    float[] with = logits(exact, null);
    float[] plain = logits(model, null);
    float[] after = logits(dir.resolve("merged.gguf"), null);
    double effect = 0;
    double off = 0;
    for (int i = 0; i < with.length; i++) {
      effect += Math.pow(with[i] - plain[i], 2);
      off += Math.pow(after[i] - with[i], 2);
    }
    assertTrue(off < 0.05 * effect, "off by " + off + " where the adapter moves " + effect);
  }

  private static ByteBuffer bytes(GgufFile file, String name) {
    ByteBuffer bytes = ByteBuffer.allocate((int) file.tensor(name).byteSize());
    file.readBytes(file.tensor(name), 0, bytes);
    return bytes.flip();
  }

  private static float[] scaled(float[] values, float by) {
    for (int i = 0; i < values.length; i++) {
      values[i] *= by;
    }
    return values;
  }

  private static final String WIDE = "blk.0.ffn_down.weight"; // more elements than are in memory at once
  private static final String NARROW = "blk.0.attn_k.weight"; // 256 x 128
  private static final List<String> TARGETS = List.of(WIDE, NARROW, "blk.0.ffn_up.weight");

  /** A model of a type, and an adapter of three of its matrices whose update is about so large beside the weights. */
  private Path update(GgmlType type, double size) {
    model = dir.resolve("model.gguf");
    var like = new RandomModel.Dimensions("u", "qwen2", 1, 256, 4, 2, 64, 4352, 128, 1e4f, 1e-6f, true, 0);
    RandomModel.write(like, ByteVocabulary.metadata(), type, 3, model);
    Random random = new Random(9);
    Path path = dir.resolve("update.gguf");
    GgufWriter writer = adapter(2); // 2 / rank 2
    try (GgufFile base = GgufFile.open(model)) {
      for (String name : TARGETS) {
        long columns = base.tensor(name).dim(0);
        long rows = base.tensor(name).dim(1);
        double square = 0;
        for (float w : base.readFloats(name)) {
          square += w * (double) w;
        }
        float most = (float) (size * Math.sqrt(square / (columns * rows)));
        writer.tensor(name + ".lora_a", GgmlType.F32, List.of(columns, 2L), scaled(gaussians(random, (int) columns * 2), most))
            .tensor(name + ".lora_b", GgmlType.F32, List.of(2L, rows), scaled(gaussians(random, (int) rows * 2), 0.7f));
      }
    }
    writer.write(path);
    return path;
  }

  private static float[] gaussians(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** The report's figures are those of base, adapter and written file, computed here the plain way. */
  @ParameterizedTest
  @CsvSource({"F32, F32", "F32, BF16", "BF16, BF16", "F16, Q8_0", "Q4_0, Q4_1", "Q4_K, F16", "Q8_0, Q4_K"})
  void saysWhatRoundingDid(GgmlType from, GgmlType to) {
    for (double size : new double[] {1e-4, 0.05}) {
      Path adapter = update(from, size);
      Path out = dir.resolve("merged.gguf");
      ModelMerge.Report report =
          ModelMerge.merge(model, adapter, MergeType.of(to), GgmlQuantizer::quantize, out, name -> {});
      assertEquals(TARGETS, report.changed().stream().map(Rounding::name).toList());
      double[] all = new double[4];
      try (GgufFile base = GgufFile.open(model); GgufFile lora = GgufFile.open(adapter); GgufFile merged = GgufFile.open(out)) {
        for (Rounding said : report.changed()) {
          float[] a = lora.readFloats(said.name() + ".lora_a");
          float[] b = lora.readFloats(said.name() + ".lora_b");
          float[] before = base.readFloats(said.name());
          float[] after = merged.readFloats(said.name());
          int columns = (int) base.tensor(said.name()).dim(0);
          double[] sums = new double[4];
          for (int i = 0; i < before.length; i++) {
            int row = i / columns;
            int column = i % columns;
            double d = (double) b[2 * row] * a[column] + (double) b[2 * row + 1] * a[columns + column];
            sums[0] += (double) before[i] * before[i];
            sums[1] += d * d;
            sums[2] += Math.pow(after[i] - (before[i] + d), 2);
            sums[3] += ((double) after[i] - before[i]) * d;
          }
          same(sums, said);
          for (int i = 0; i < 4; i++) {
            all[i] += sums[i];
          }
        }
      }
      same(all, report.overall());
      double size2 = report.overall().size();
      assertEquals(size, size2, 0.4 * size);
      boolean lost = report.changed().stream().anyMatch(r -> !r.keeps());
      assertEquals(lost, report.warnings().stream().anyMatch(w -> w.startsWith("rounding loses the update of ")),
          report.warnings().toString());
    }
  }

  private static void same(double[] sums, Rounding said) {
    assertEquals(Math.sqrt(sums[1] / sums[0]), said.size(), 1e-7 * said.size());
    assertEquals(Math.sqrt(sums[2] / sums[1]), said.error(), 1e-6 * said.error() + 1e-9);
    assertEquals(sums[3] / sums[1], said.kept(), 1e-6);
  }

  /** Without a type each changed matrix gets the first of its own, F16 and F32 that keeps the update; the rest is copied. */
  @ParameterizedTest
  @CsvSource({
      "BF16, 0.05, BF16", "BF16, 0.005, F16", "BF16, 1e-5, F32", "Q4_0, 0.05, F16", "Q4_K, 1e-4, F32", "Q6_K, 0.5, Q6_K",
      "F16, 0.01, F16", "F16, 1e-5, F32", "F32, 1e-5, F32"})
  void theDefaultKeepsTheUpdate(GgmlType base, double size, GgmlType wanted) {
    Path adapter = update(base, size);
    Path out = dir.resolve("merged.gguf");
    ModelMerge.Report report = ModelMerge.merge(model, adapter, MergeType.AUTO, GgmlQuantizer::quantize, out, name -> {});
    try (GgufFile before = GgufFile.openModel(model); GgufFile merged = GgufFile.openModel(out)) {
      for (GgufTensor tensor : merged.tensors().values()) {
        boolean changed = TARGETS.contains(tensor.name());
        assertEquals(changed ? wanted : before.tensor(tensor.name()).type(), tensor.type(), tensor.name());
        if (!changed) {
          assertEquals(bytes(before, tensor.name()), bytes(merged, tensor.name()), tensor.name());
        }
      }
      // They are most of the weights, so the file says their type.
      assertEquals(wanted.fileType(), merged.metadata().requireU32("general.file_type"));
    }
    assertEquals(List.of(), report.warnings());
    assertTrue(report.overall().error() <= Rounding.MOST, report.summary());
    assertEquals(1, report.overall().kept(), 0.02);
    assertEquals(wanted == base, Rounding.sum(report.asBase()).keeps(), "it leaves the base's type only where that loses");
    assertEquals(wanted != base, report.summary().contains("in the base's types, 3 " + base.label() + ", by "), report.summary());
    assertTrue(Float.isFinite(logits(out, null)[0]), "llama.cpp computes such mixtures");

    ModelMerge.Report forced = ModelMerge.merge(model, adapter, MergeType.BASE, GgmlQuantizer::quantize, out, name -> {});
    assertEquals(forced.changed(), report.asBase());
    assertEquals(wanted == base ? 0 : 1, forced.warnings().size());
    assertTrue(wanted == base || forced.warnings().getFirst().contains("With --type auto it is kept"), forced.warnings().toString());
  }

  @Test
  void whatF16CannotHoldBecomesF32() {
    Path adapter = update(GgmlType.F16, 1e8);
    Path out = dir.resolve("merged.gguf");
    ModelMerge.merge(model, adapter, MergeType.AUTO, GgmlQuantizer::quantize, out, name -> {});
    try (GgufFile merged = GgufFile.openModel(out)) {
      assertEquals(GgmlType.F32, merged.tensor(WIDE).type());
      assertEquals(GgmlType.F32, merged.tensor(NARROW).type());
    }
    Path bytes = dir.resolve("f16.gguf");
    assertThrows(GgufException.class,
        () -> ModelMerge.merge(model, adapter, MergeType.of(GgmlType.F16), GgmlQuantizer::quantize, bytes, name -> {}));
    assertFalse(Files.exists(bytes));
  }

  /** An adapter that was not trained changes no byte, even where rounding again would. */
  @Test
  void noUpdateIsNoChange() {
    update(GgmlType.Q4_K, 0);
    Path adapter = dir.resolve("none.gguf");
    adapter(1).tensor(WIDE + ".lora_a", GgmlType.F32, List.of(4352L, 2L), new float[4352 * 2])
        .tensor(WIDE + ".lora_b", GgmlType.F32, List.of(2L, 256L), new float[512]).write(adapter);
    Path out = dir.resolve("merged.gguf");
    ModelMerge.Report report = ModelMerge.merge(model, adapter, MergeType.AUTO, GgmlQuantizer::quantize, out, name -> {});
    assertEquals(List.of(), report.warnings());
    try (GgufFile before = GgufFile.openModel(model); GgufFile merged = GgufFile.openModel(out)) {
      assertEquals(GgmlType.Q4_K, merged.tensor(WIDE).type());
      before.tensors().keySet().forEach(name -> assertEquals(bytes(before, name), bytes(merged, name), name));
    }
  }

  @Test
  void refusesAnAdapterThatDoesNotFit() {
    Path adapter = dir.resolve("a.gguf");
    GgufWriter tied = adapter(1).tensor("token_embd.weight.lora_a", GgmlType.F32, List.of(2L, 259L), new float[518])
        .tensor("token_embd.weight.lora_b", GgmlType.F32, List.of(2L, 64L), new float[128]);
    refused(tied, adapter, "output matrix too");
    try (Model loaded = Model.load(model)) {
      assertThrows(GgufException.class, () -> Adapter.load(loaded, adapter), "llama.cpp would assert");
    }
    refused(pair("blk.0.attn_q.weight", 64, 32), adapter, "as 64 x 32, but");
    refused(pair("blk.9.attn_q.weight", 64, 64), adapter, "no weight matrix");
    refused(pair("blk.0.attn_q.weight", 64, 64).put("general.architecture", GgufValue.string("llama")), adapter,
        "an adapter for 'llama'");
    float[] huge = new float[128];
    java.util.Arrays.fill(huge, 1e20f);
    refused(adapter(1).tensor("blk.0.attn_q.weight.lora_a", GgmlType.F32, List.of(64L, 2L), huge)
        .tensor("blk.0.attn_q.weight.lora_b", GgmlType.F32, List.of(2L, 64L), huge), adapter, "can't hold");
    var whole = assertThrows(GgufException.class, () -> merge(model, null));
    assertTrue(whole.getMessage().contains("not a LoRA adapter"), whole.getMessage());
  }

  private static GgufWriter pair(String name, long columns, long rows) {
    return adapter(1).tensor(name + ".lora_a", GgmlType.F32, List.of(columns, 2L), new float[(int) columns * 2])
        .tensor(name + ".lora_b", GgmlType.F32, List.of(2L, rows), new float[(int) rows * 2]);
  }

  private void refused(GgufWriter writer, Path adapter, String why) {
    writer.write(adapter);
    var e = assertThrows(GgufException.class, () -> merge(adapter, null));
    assertTrue(e.getMessage().contains(why), e.getMessage());
    assertFalse(Files.exists(dir.resolve("merged.gguf")), "nothing is written");
  }

  @Test
  void warnsAboutAnotherBase() {
    Path adapter = dir.resolve("a.gguf");
    String other = "0".repeat(64);
    pair("blk.0.attn_q.weight", 64, 64).put(ModelMerge.BASE_SHA256, GgufValue.string(other)).write(adapter);
    var report = ModelMerge.merge(model, adapter, MergeType.AUTO, GgmlQuantizer::quantize, dir.resolve("m.gguf"), name -> {});
    assertEquals(1, report.warnings().size());
    assertTrue(report.warnings().getFirst().contains(other), report.warnings().toString());
    assertEquals(List.of("blk.0.attn_q.weight"), report.changed().stream().map(Rounding::name).toList());
  }
}
