package dev.sphere.trainer.output;

import dev.sphere.base.AtomicFile;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.model.AdapterCheck;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.output.SafeTensors.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Converts LoRA adapters between GGUF and Hugging Face PEFT: a folder with {@code adapter_config.json} and {@code
 * adapter_model.safetensors}. Only names change, and for the architecture llama the order of the rows of queries and
 * keys, which llama.cpp's converter permutes for its rotary embedding.
 */
public final class PeftAdapter {
  private static final String PREFIX = "base_model.model.model.layers.";
  private static final Pattern GGUF = Pattern.compile("blk\\.(\\d+)\\.(\\w+)\\.weight\\.lora_(a|b|magnitude)");
  private static final Pattern PEFT = Pattern.compile(
      Pattern.quote(PREFIX) + "(\\d+)\\.(\\w+\\.\\w+)\\.lora_(A|B|magnitude_vector)(?:\\.default)?(?:\\.weight)?");

  /** The Hugging Face modules of a layer's matrices, by GGUF name. */
  private static final Map<String, String> MODULES = new TreeMap<>(Map.of(
      "attn_q", "self_attn.q_proj", "attn_k", "self_attn.k_proj", "attn_v", "self_attn.v_proj",
      "attn_qkv", "self_attn.qkv_proj", "attn_output", "self_attn.o_proj",
      "ffn_gate", "mlp.gate_proj", "ffn_up", "mlp.up_proj", "ffn_down", "mlp.down_proj"));

  private PeftAdapter() {}

  /**
   * Writes a GGUF adapter as a PEFT folder.
   *
   * @param base the adapter's base model, a GGUF file, for the number of heads
   * @param baseName the base model's name in PEFT's configuration; may be empty
   * @throws IllegalArgumentException naming a tensor that PEFT cannot hold
   */
  public static void export(Path adapter, Path base, String baseName, Path folder) {
    try (GgufFile lora = GgufFile.open(adapter); GgufFile model = GgufFile.openModel(base)) {
      requireSame(lora, model);
      Map<String, Tensor> tensors = new TreeMap<>();
      TreeSet<String> modules = new TreeSet<>();
      long rank = 0;
      for (GgufTensor t : lora.tensors().values()) {
        Matcher m = GGUF.matcher(t.name());
        if (!m.matches() || !MODULES.containsKey(m.group(2))) {
          throw new IllegalArgumentException(adapter + ": PEFT has no place for the tensor " + t.name());
        }
        String module = module(model, m.group(2));
        float[] values = lora.readFloats(t.name());
        String kind = m.group(3);
        if (!kind.equals("a")) {
          values = rows(values, kind.equals("b") ? (int) t.dim(0) : 1, heads(model, m.group(2)), true);
        }
        rank = kind.equals("b") ? t.dim(0) : rank;
        String name = PREFIX + m.group(1) + "." + module + ".lora_"
            + (kind.equals("magnitude") ? "magnitude_vector" : kind.toUpperCase(Locale.ROOT) + ".weight");
        tensors.put(name, new Tensor(
            kind.equals("magnitude") ? new long[] {t.dim(0)} : new long[] {t.dim(1), t.dim(0)}, values));
        modules.add(module.substring(module.indexOf('.') + 1));
      }
      double alpha = lora.metadata().f32("adapter.lora.alpha").orElse((float) rank);
      AtomicFile.createFolders(folder);
      SafeTensors.write(folder.resolve("adapter_model.safetensors"), tensors);
      AtomicFile.writeText(folder.resolve("adapter_config.json"),
          config(rank, alpha, modules, baseName, AdapterCheck.hasMagnitudes(lora)));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the adapter to " + folder + ": " + e.getMessage(), e);
    }
  }

  private static String config(long rank, double alpha, TreeSet<String> modules, String baseName, boolean dora) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("peft_type", "LORA");
    config.put("task_type", "CAUSAL_LM");
    config.put("base_model_name_or_path", baseName);
    config.put("r", rank);
    config.put("lora_alpha", alpha);
    config.put("lora_dropout", 0.0);
    config.put("use_rslora", false); // an rsLoRA adapter's scale is in its alpha already
    config.put("use_dora", dora);
    config.put("bias", "none");
    config.put("fan_in_fan_out", false);
    config.put("modules_to_save", null);
    config.put("target_modules", List.copyOf(modules));
    config.put("inference_mode", true);
    return JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build().writeValueAsString(config) + "\n";
  }

  /**
   * Writes a PEFT folder as a GGUF adapter.
   *
   * @throws IllegalArgumentException naming what a GGUF adapter cannot hold: biases, other modules
   */
  public static void convert(Path folder, Path base, Path out) {
    JsonNode config = JsonMapper.shared().readTree(read(folder.resolve("adapter_config.json")));
    refuse(folder, !config.path("peft_type").asString("LORA").equals("LORA"), "it is no LoRA adapter");
    refuse(folder, !config.path("bias").asString("none").equals("none"), "it changes biases");
    refuse(folder, config.path("fan_in_fan_out").asBoolean(false), "its matrices lie the other way round");
    refuse(folder, !config.path("rank_pattern").isEmpty() || !config.path("alpha_pattern").isEmpty(),
        "its ranks or alphas differ between modules");
    int rank = config.path("r").asInt(0);
    double alpha = config.path("lora_alpha").asDouble(rank);
    refuse(folder, rank < 1, "its rank \"r\" is " + config.path("r"));
    double scaled = config.path("use_rslora").asBoolean(false) ? alpha * Math.sqrt(rank) : alpha;
    try (GgufFile model = GgufFile.openModel(base)) {
      GgufWriter writer = new GgufWriter()
          .put("general.architecture", GgufValue.string(model.architecture()))
          .put("general.type", GgufValue.string("adapter"))
          .put("adapter.type", GgufValue.string("lora"))
          .put("adapter.lora.alpha", GgufValue.f32((float) scaled));
      for (Map.Entry<String, Tensor> e : SafeTensors.read(folder.resolve("adapter_model.safetensors")).entrySet()) {
        Matcher m = PEFT.matcher(e.getKey());
        String part = m.matches() ? part(model, m.group(2)) : null;
        refuse(folder, part == null, "there is no place in a GGUF adapter for " + e.getKey());
        boolean vector = m.group(3).equals("magnitude_vector");
        float[] values = m.group(3).equals("A") ? e.getValue().values()
            : rows(e.getValue().values(), vector ? 1 : rank, heads(model, part), false);
        long[] shape = e.getValue().shape();
        refuse(folder, shape.length != (vector ? 1 : 2), e.getKey() + " has " + shape.length + " dimensions");
        writer.tensor(
            "blk." + m.group(1) + "." + part + ".weight"
                + (vector ? AdapterCheck.MAGNITUDE : ".lora_" + m.group(3).toLowerCase(Locale.ROOT)),
            GgmlType.F32,
            vector ? List.of(shape[0]) : List.of(shape[1], shape[0]),
            values);
      }
      writer.write(out);
    }
  }

  private static void refuse(Path folder, boolean condition, String why) {
    if (condition) {
      throw new IllegalArgumentException("cannot convert the adapter in " + folder + ": " + why);
    }
  }

  private static byte[] read(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private static void requireSame(GgufFile adapter, GgufFile model) {
    if (!adapter.architecture().equals(model.architecture())) {
      throw new IllegalArgumentException(adapter.path() + " is for the architecture " + adapter.architecture() + ", "
          + model.path() + " is " + model.architecture());
    }
  }

  /** The Hugging Face module of a matrix; phi3's gate and up are one matrix, gate_up_proj. */
  private static String module(GgufFile model, String part) {
    return part.equals("ffn_up") && model.architecture().equals("phi3") ? "mlp.gate_up_proj" : MODULES.get(part);
  }

  private static String part(GgufFile model, String module) {
    return MODULES.keySet().stream().filter(p -> module(model, p).equals(module)).findFirst().orElse(null);
  }

  /**
   * Number of heads of a matrix whose rows have another order in llama.cpp than in Hugging Face; 0 for other
   * matrices.
   */
  private static int heads(GgufFile model, String part) {
    boolean permuted = model.architecture().equals("llama");
    return permuted && part.equals("attn_q") ? model.shape().heads()
        : permuted && part.equals("attn_k") ? model.shape().kvHeads() : 0;
  }

  /**
   * Permutes the rows of B, or of its magnitudes. Within a head Hugging Face rotates row i with row i + half,
   * llama.cpp (for llama) row 2i with row 2i + 1: row 2i + j of llama.cpp is row j half + i of Hugging Face.
   *
   * @param matrix [rows][rank]
   * @param out from GGUF to PEFT; else from PEFT to GGUF
   */
  static float[] rows(float[] matrix, int rank, int heads, boolean out) {
    if (heads == 0) {
      return matrix;
    }
    float[] turned = new float[matrix.length];
    int width = matrix.length / rank / heads;
    int half = width / 2;
    for (int h = 0; h < heads; h++) {
      for (int i = 0; i < half; i++) {
        for (int j = 0; j < 2; j++) {
          int gguf = (h * width + 2 * i + j) * rank;
          int peft = (h * width + j * half + i) * rank;
          System.arraycopy(matrix, out ? gguf : peft, turned, out ? peft : gguf, rank);
        }
      }
    }
    return turned;
  }
}
