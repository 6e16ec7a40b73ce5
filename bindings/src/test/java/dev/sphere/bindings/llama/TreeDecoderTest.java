package dev.sphere.bindings.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.GgufFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The tree decoder against llama.cpp with the same kernels, which it replaces. */
class TreeDecoderTest {
  /** Widths and rows that no kernel's tiles divide, an output of its own; rotary factors. */
  private static final Map<String, RandomModel.Dimensions> ODD = Map.of(
      "odd", new RandomModel.Dimensions("odd", "qwen2", 3, 48, 3, 1, 16, 72, 300, 1e4f, 1e-6f, false, 0),
      "llama-3.2-odd", new RandomModel.Dimensions("llama-3.2-odd", "llama", 2, 96, 6, 2, 48, 200, 300, 5e5f, 1e-5f, true, 262));

  @TempDir static Path dir;

  @BeforeAll
  static void hasKernels() {
    assumeTrue(AttentionKernel.oneRow() && Device.current().computesOnCores() && System.getenv("SPHERE_DECODER") == null,
        "no AVX2 or NEON, another llama.cpp, or switched off");
  }

  static Path model(String like, GgmlType type) {
    Path file = dir.resolve(like + "-" + type.label() + ".gguf");
    RandomModel.write(ODD.containsKey(like) ? ODD.get(like) : RandomModel.like(like), ByteVocabulary.metadata(), type, 5,
        file);
    return file;
  }

  static float[] read(NativeFloats floats) {
    float[] all = new float[(int) floats.size()];
    floats.read(0, all);
    return all;
  }

  /** Prompts, single tokens, forks, and hidden states: rows of one or many tokens on several paths. */
  private static void compare(Decoder ours, Decoder llama, float tolerance) {
    Random random = new Random(3);
    int batchSize = ours.options().batch();
    try (Batch batch = new Batch(batchSize)) {
      for (int step = 0; step < 12; step++) {
        int fork = step % 4;
        for (Decoder each : List.of(ours, llama)) {
          each.removeSequence(3, -1, -1);
          each.copySequence(fork == 3 ? 0 : fork, 3, 0, 2 + step);
        }
        batch.clear();
        for (int s = 0; s < 4; s++) {
          int tokens = step == 0 ? 1 + 17 * s : step % 3 == s ? 12 : 1;
          int from = ours.lastPosition(s) + 1;
          assertEquals(llama.lastPosition(s) + 1, from);
          for (int i = 0; i < tokens; i++) {
            batch.add(random.nextInt(ByteVocabulary.SIZE), from + i, s, ours.options().embeddings() || i % 3 == 0);
          }
        }
        ours.decode(batch);
        llama.decode(batch);
        assertArrayEquals(read(llama.logits()), read(ours.logits()), tolerance, "step " + step);
        if (ours.options().embeddings()) {
          assertArrayEquals(read(llama.embeddings()), read(ours.embeddings()), 10 * tolerance, "step " + step);
        }
        if (step == 5) {
          ours.compact();
          llama.compact();
        }
      }
    }
  }

  /** With the pinned llama.cpp and GCC there is no difference at all; another compiler may contract other sums. */
  private static float tolerance(GgmlType type) {
    return type == GgmlType.F32 ? 1e-5f : 5e-3f;
  }

  @ParameterizedTest
  @CsvSource({
    "tiny-qwen2, F32", "tiny-qwen2, F16", "tiny-qwen2, BF16", "tiny-qwen2, Q8_0", "tiny-qwen3, F32",
    "tiny-qwen3, BF16", "tiny-qwen3, Q8_0", "tiny-llama, F32", "tiny-llama, F16", "tiny-llama, Q8_0", "odd, F32",
    "odd, F16", "odd, BF16", "odd, Q8_0", "llama-3.2-odd, F32", "llama-3.2-odd, BF16", "llama-3.2-odd, Q8_0"
  })
  void computesWhatLlamaDoes(String like, GgmlType type) {
    try (Model model = Model.load(model(like, type))) {
      for (boolean hidden : new boolean[] {false, true}) {
        ContextOptions options = new ContextOptions(512, 128, 32, 8, 1, true, true, KvType.F16, hidden);
        assertTrue(TreeDecoder.supports(model, null, options));
        try (Decoder ours = TreeDecoder.open(model, options); Decoder llama = Context.open(model, options)) {
          compare(ours, llama, tolerance(type));
        }
      }
    }
  }

  /** Longer than a block of attention, most of it shared: ours knows the paths, llama.cpp's nodes have masks. */
  @Test
  void longPathsThatShareTheirBeginning() {
    ContextOptions options = new ContextOptions(1024, 128, 64, 8, 1, true, true, KvType.F16, false);
    Random random = new Random(4);
    try (Model model = Model.load(model("tiny-qwen2", GgmlType.F32));
        Decoder ours = TreeDecoder.open(model, options);
        Decoder llama = Context.open(model, options);
        Batch batch = new Batch(options.batch())) {
      int prompt = AttentionKernel.BLOCK + 60;
      for (int from = 0; from < prompt; from += 100) {
        batch.clear();
        for (int i = from; i < Math.min(prompt, from + 100); i++) {
          batch.add(random.nextInt(ByteVocabulary.SIZE), i, 0, i % 7 == 0);
        }
        ours.decode(batch);
        llama.decode(batch);
        assertArrayEquals(read(llama.logits()), read(ours.logits()), 1e-5f, "prompt from " + from);
      }
      for (Decoder each : List.of(ours, llama)) {
        for (int s = 1; s < 6; s++) {
          each.copySequence(0, s, 0, prompt - 3 * s);
        }
      }
      for (int step = 0; step < 4; step++) {
        batch.clear();
        for (int s = 0; s < 6; s++) {
          for (int i = 0; i < 1 + (s + step) % 3; i++) {
            batch.add(random.nextInt(ByteVocabulary.SIZE), ours.lastPosition(s) + 1 + i, s, true);
          }
        }
        ours.decode(batch);
        llama.decode(batch);
        assertArrayEquals(read(llama.logits()), read(ours.logits()), 1e-5f, "step " + step);
      }
    }
  }

  /** Biases that only llama has. */
  @Test
  void biasesOfLlama() {
    Path plain = model("tiny-llama", GgmlType.F32);
    Path biased = dir.resolve("biased.gguf");
    GgufWriter writer = new GgufWriter();
    Random random = new Random(9);
    try (GgufFile file = GgufFile.open(plain)) {
      file.metadata().values().forEach(writer::put);
      for (GgufTensor tensor : file.tensors().values()) {
        writer.tensor(tensor.name(), GgmlType.F32, tensor.shape(), file.readFloats(tensor.name()));
        if (tensor.name().matches("blk.*(attn_[qkv]|attn_output|ffn_gate|ffn_up|ffn_down).weight")) {
          writer.tensor(tensor.name().replace("weight", "bias"), GgmlType.F32, List.of(tensor.dim(1)),
              gaussian(random, (int) tensor.dim(1), 0.3f));
        }
      }
    }
    writer.write(biased);
    ContextOptions options = ContextOptions.invariant(512, 8, 1);
    try (Model model = Model.load(biased);
        Decoder ours = TreeDecoder.open(model, options);
        Decoder llama = Context.open(model, options)) {
      compare(ours, llama, 1e-5f);
    }
  }

  private static float[] gaussian(Random random, int n, float deviation) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian() * deviation;
    }
    return values;
  }

  /** An adapter of this rank for all matrices of the layers, and for the output where it stands apart. */
  private static Path adapter(Path model, int rank, GgmlType type) {
    Path path = dir.resolve("adapter.gguf");
    Random random = new Random(rank);
    try (GgufFile file = GgufFile.open(model)) {
      GgufWriter writer = new GgufWriter().put("general.type", GgufValue.string("adapter"))
          .put("general.architecture", GgufValue.string(file.architecture()))
          .put("adapter.type", GgufValue.string("lora")).put("adapter.lora.alpha", GgufValue.f32(rank == 16 ? 0 : 8));
      for (GgufTensor weight : file.tensors().values()) {
        if (weight.shape().size() == 2 && !weight.name().startsWith("token_embd")) {
          int columns = (int) weight.dim(0);
          int rows = (int) weight.dim(1);
          writer.tensor(weight.name() + ".lora_a", type, List.of((long) columns, (long) rank),
              gaussian(random, columns * rank, 0.1f));
          writer.tensor(weight.name() + ".lora_b", type, List.of((long) rank, (long) rows),
              gaussian(random, rows * rank, 0.1f));
        }
      }
      writer.write(path);
    }
    return path;
  }

  @ParameterizedTest
  @CsvSource({
    "tiny-qwen2, F32, 16, F32", "tiny-llama, F32, 5, F32", "odd, F32, 3, F32", "tiny-qwen3, Q8_0, 16, F32",
    "odd, BF16, 16, F32", "tiny-llama, F32, 16, F16"
  })
  void adaptersAddWhatTheyDoInLlama(String like, GgmlType type, int rank, GgmlType adapterType) {
    Path file = model(like, type);
    ContextOptions options = ContextOptions.invariant(512, 8, 1);
    try (Model model = Model.load(file);
        Adapter first = Adapter.load(model, adapter(file, rank, adapterType));
        Adapter second = Adapter.load(model, adapter(file, rank, adapterType));
        Decoder ours = TreeDecoder.open(model, options);
        Decoder llama = Context.open(model, options)) {
      assertTrue(TreeDecoder.supports(model, first, options));
      float[] bare = first(ours);
      for (List<Adapter> used : List.of(List.of(first), List.of(first, second), List.<Adapter>of())) {
        ours.useAdapters(used);
        llama.useAdapters(used);
        float[] with = first(ours);
        double effect = 0;
        for (int i = 0; i < with.length; i++) {
          effect = Math.max(effect, Math.abs(with[i] - bare[i]));
        }
        assertEquals(!used.isEmpty(), effect > 0.01, used + " changes logits by " + effect);
        // With F16 adapters llama.cpp rounds what it multiplies, we don't; ranks that aren't whole vectors add up otherwise.
        boolean exact = type == GgmlType.F32 && adapterType == GgmlType.F32;
        compare(ours, llama, !exact ? 2e-2f : rank % 16 != 0 ? 5e-4f : 1e-5f);
        ours.clear();
        llama.clear();
      }
    }
  }

  private static float[] first(Decoder decoder) {
    try (Batch batch = new Batch(3)) {
      for (int i = 0; i < 3; i++) {
        batch.add(70 + i, i, 3, i == 2);
      }
      decoder.decode(batch);
      decoder.removeSequence(3, -1, -1);
      return read(decoder.logits());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny-phi3", "tiny-qwen3-yarn"})
  void othersAreLeftToLlama(String like) {
    ContextOptions options = ContextOptions.invariant(256, 4, 1);
    try (Model model = Model.load(model(like, GgmlType.F32))) {
      assertFalse(TreeDecoder.supports(model, null, options));
      assertThrows(IllegalArgumentException.class, () -> TreeDecoder.open(model, options));
      try (Decoder decoder = Decoder.open(model, null, options)) {
        assertEquals(Context.class, decoder.getClass());
        first(decoder);
      }
    }
  }

  @Test
  void shapesThatItDoesNotHaveAreLeftToLlama() {
    try (Model model = Model.load(model("tiny-qwen2", GgmlType.F32))) {
      for (boolean unified : new boolean[] {true, false}) {
        for (KvType kv : List.of(KvType.F16, KvType.F32)) {
          ContextOptions options = new ContextOptions(256, 64, 32, 4, 3, unified, true, kv, false);
          assertEquals(unified && kv == KvType.F16, TreeDecoder.supports(model, null, options), options.toString());
        }
      }
    }
  }
}
