package dev.sphere.trainer.output;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Adapters to PEFT's files, read here by the formats' descriptions, and back to the same bytes. */
class PeftAdapterTest {
  private static final int RANK = 3;

  @TempDir
  Path folder;

  /** A model and an adapter on three of its matrices, with random values. */
  private Path adapter(String like, float alpha) {
    Path model = folder.resolve("base.gguf");
    RandomModel.write(RandomModel.like(like), ByteVocabulary.metadata(), GgmlType.F32, 1, model);
    Path file = folder.resolve("adapter.gguf");
    try (GgufFile base = GgufFile.openModel(model)) {
      GgufWriter writer = new GgufWriter()
          .put("general.architecture", GgufValue.string(base.architecture()))
          .put("general.type", GgufValue.string("adapter"))
          .put("adapter.type", GgufValue.string("lora"))
          .put("adapter.lora.alpha", GgufValue.f32(alpha));
      Random random = new Random(2);
      for (String part : List.of("attn_q", "attn_k", "ffn_down")) {
        String name = "blk.1." + part + ".weight";
        add(writer, name + ".lora_a", List.of(base.tensor(name).dim(0), (long) RANK), random);
        add(writer, name + ".lora_b", List.of((long) RANK, base.tensor(name).dim(1)), random);
        add(writer, name + ".lora_magnitude", List.of(base.tensor(name).dim(1)), random);
      }
      writer.write(file);
    }
    return file;
  }

  private static void add(GgufWriter writer, String name, List<Long> shape, Random random) {
    float[] values = new float[shape.stream().mapToInt(Long::intValue).reduce(1, Math::multiplyExact)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    writer.tensor(name, GgmlType.F32, new ArrayList<>(shape), out -> out.floats(values, 0, values.length));
  }

  /** A tensor of a safetensors file by the format's description. */
  private static float[] tensor(Path file, String name, long... shape) throws IOException {
    ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    int length = (int) all.getLong();
    assertEquals(0, length % 8);
    JsonNode header = JsonMapper.shared().readTree(new String(all.array(), 8, length, StandardCharsets.UTF_8));
    JsonNode told = header.path(name);
    assertEquals("F32", told.path("dtype").asString(), header.toString());
    assertEquals(Arrays.toString(shape), told.path("shape").valueStream().map(JsonNode::asLong).toList().toString());
    all.position(8 + length + told.path("data_offsets").path(0).asInt());
    float[] values = new float[(int) Arrays.stream(shape).reduce(1, Math::multiplyExact)];
    all.asFloatBuffer().get(values);
    return values;
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny-qwen2", "tiny-llama"})
  void thereAndBackToTheSameBits(String like) throws IOException {
    Path adapter = adapter(like, 6);
    Path peft = folder.resolve("peft");
    Path base = folder.resolve("base.gguf");
    PeftAdapter.export(adapter, base, "someone/base", peft);
    JsonNode config = JsonMapper.shared().readTree(Files.readString(peft.resolve("adapter_config.json")));
    assertEquals("LORA", config.path("peft_type").asString());
    assertTrue(config.path("use_dora").asBoolean());
    assertEquals(RANK, config.path("r").asInt());
    assertEquals(6, config.path("lora_alpha").asDouble());
    assertEquals("[\"down_proj\",\"k_proj\",\"q_proj\"]", config.path("target_modules").toString());
    Path weights = peft.resolve("adapter_model.safetensors");
    try (GgufFile before = GgufFile.open(adapter); GgufFile model = GgufFile.openModel(base)) {
      long width = model.shape().width();
      String layer = "base_model.model.model.layers.1.";
      float[] a = before.readFloats("blk.1.attn_q.weight.lora_a");
      assertArrayEquals(a, tensor(weights, layer + "self_attn.q_proj.lora_A.weight", RANK, width));
      float[] gguf = before.readFloats("blk.1.attn_q.weight.lora_b");
      float[] b = tensor(weights, layer + "self_attn.q_proj.lora_B.weight", gguf.length / RANK, RANK);
      float[] lengths = before.readFloats("blk.1.attn_q.weight.lora_magnitude");
      float[] peftLengths = tensor(weights, layer + "self_attn.q_proj.lora_magnitude_vector", lengths.length);
      boolean llama = like.equals("tiny-llama");
      // llama.cpp's converter: reshape(heads, 2, half, rank).swapaxes(1, 2); so of Hugging Face's rows to GGUF's.
      int heads = model.shape().heads();
      int half = gguf.length / RANK / heads / 2;
      for (int h = 0, at = 0; h < heads; h++) {
        for (int i = 0; i < half; i++) {
          for (int j = 0; j < 2; j++, at++) {
            int peftRow = llama ? (h * 2 + j) * half + i : at;
            assertEquals(lengths[at], peftLengths[peftRow], "length of row " + at);
            assertEquals(gguf[at * RANK + 1], b[peftRow * RANK + 1], "row " + at);
          }
        }
      }
      Path again = folder.resolve("again.gguf");
      PeftAdapter.convert(peft, base, again);
      try (GgufFile after = GgufFile.open(again)) {
        assertEquals(before.tensors().keySet(), new java.util.TreeSet<>(after.tensors().keySet()));
        for (String name : before.tensors().keySet()) {
          assertEquals(before.tensor(name).shape(), after.tensor(name).shape());
          assertArrayEquals(before.readFloats(name), after.readFloats(name), name);
        }
        assertEquals(6, after.metadata().f32("adapter.lora.alpha").orElseThrow());
      }
    }
  }

  @Test
  void whatLlamaCannotApplyIsRefusedByName() throws IOException {
    Path peft = folder.resolve("peft");
    PeftAdapter.export(adapter("tiny-qwen2", 6), folder.resolve("base.gguf"), "", peft);
    Path config = peft.resolve("adapter_config.json");
    String good = Files.readString(config);
    for (String[] change : new String[][] {
      {"\"bias\" : \"none\"", "\"bias\" : \"all\"", "biases"},
      {"\"r\" : 3", "\"r\" : 0", "rank"},
    }) {
      assertTrue(good.contains(change[0]), good);
      Files.writeString(config, good.replace(change[0], change[1]));
      var e = assertThrows(IllegalArgumentException.class, () -> convert(peft));
      assertTrue(e.getMessage().contains(change[2]), e.getMessage());
    }
    Files.writeString(config, good.replace("\"use_rslora\" : false", "\"use_rslora\" : true"));
    convert(peft);
    try (GgufFile after = GgufFile.open(folder.resolve("x.gguf"))) {
      assertEquals(6 * Math.sqrt(RANK), after.metadata().f32("adapter.lora.alpha").orElseThrow(), 1e-6);
    }
    Path weights = peft.resolve("adapter_model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    Files.write(weights, java.util.Arrays.copyOf(bytes, bytes.length - 4));
    assertTrue(assertThrows(IllegalArgumentException.class, () -> convert(peft)).getMessage().contains("but bytes"));
  }

  private void convert(Path peft) {
    PeftAdapter.convert(peft, folder.resolve("base.gguf"), folder.resolve("x.gguf"));
  }
}
