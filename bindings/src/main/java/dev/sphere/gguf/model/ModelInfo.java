package dev.sphere.gguf.model;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufMetadata;
import dev.sphere.gguf.GgufTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The description of a GGUF file that {@code model info} prints, for people and for programs.
 *
 * @param file its path
 * @param kind model, vocabulary or adapter
 * @param name general.name, or empty
 * @param bytes the file's size
 * @param version of the container
 * @param sha256 of the file
 * @param architecture general.architecture
 * @param shape the dimensions, or null where the file is no model of a supported architecture
 * @param parameters numbers in all tensors together
 * @param types tensors of each type
 * @param tokenizer model and pre-tokenizer, or empty
 * @param tokens in the vocabulary, 0 where there is none
 * @param chatTemplate whether there is one
 * @param memory of the model with the context that was asked about, or null where {@code shape} is
 * @param contextTokens that {@code memory} is about
 * @param targets the weights that an adapter changes, else empty
 * @param prm how it is read as a process reward model, or null where it declares none
 */
public record ModelInfo(String file, GgufFile.Kind kind, String name, long bytes, int version, String sha256,
    String architecture, ModelShape shape, long parameters, Map<GgmlType, Integer> types, String tokenizer, int tokens,
    boolean chatTemplate, MemoryNeed memory, long contextTokens, List<String> targets, PrmInfo prm) {

  /** Tokens of context that the estimate takes where nobody asks for another number. */
  public static final long DEFAULT_CONTEXT = 4096;
  private static final int BATCH = 63;

  /**
   * Looks into an open file.
   *
   * @param context tokens to estimate the memory for; empty: {@link #DEFAULT_CONTEXT} or the model's own, if smaller
   */
  public static ModelInfo of(GgufFile file, Optional<Long> context) {
    GgufMetadata metadata = file.metadata();
    boolean supported = file.kind() == GgufFile.Kind.MODEL && ModelShape.supports(file.architecture());
    ModelShape shape = supported ? file.shape() : null;
    long tokens = supported ? context.orElse(Math.min(DEFAULT_CONTEXT, shape.context())) : 0;
    Map<GgmlType, Integer> types = new TreeMap<>();
    file.tensors().values().forEach(tensor -> types.merge(tensor.type(), 1, Integer::sum));
    String tokenizer = metadata.string("tokenizer.ggml.model")
        .map(model -> model + metadata.string("tokenizer.ggml.pre").map(pre -> ", " + pre).orElse("")).orElse("");
    return new ModelInfo(file.path().toString(), file.kind(), metadata.string("general.name").orElse(""), file.size(),
        file.version(), file.sha256(), file.architecture(), shape,
        file.tensors().values().stream().mapToLong(GgufTensor::elements).sum(), types, tokenizer,
        metadata.strings("tokenizer.ggml.tokens").map(all -> all.length).orElse(0),
        metadata.has("tokenizer.chat_template"),
        supported ? MemoryNeed.of(file, tokens, Float.BYTES, BATCH) : null, tokens,
        file.kind() == GgufFile.Kind.ADAPTER ? AdapterCheck.targets(file) : List.of(),
        supported ? PrmInfo.of(file).orElse(null) : null);
  }

  /** The description as nested maps of plain values, for JSON. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("file", file);
    map.put("kind", kind.name().toLowerCase(Locale.ROOT));
    map.put("name", name);
    map.put("bytes", bytes);
    map.put("gguf_version", version);
    map.put("sha256", sha256);
    map.put("architecture", architecture);
    map.put("supported", shape != null);
    map.put("parameters", parameters);
    Map<String, Object> histogram = new LinkedHashMap<>();
    types.forEach((type, count) -> histogram.put(type.label(), count));
    map.put("tensor_types", histogram);
    if (shape != null) {
      map.put("shape", shapeMap());
    }
    if (tokens > 0) {
      map.put("tokenizer", tokenizer);
      map.put("tokens", tokens);
      map.put("chat_template", chatTemplate);
    }
    if (memory != null) {
      Map<String, Object> need = new LinkedHashMap<>();
      need.put("context", contextTokens);
      need.put("weights_bytes", memory.weights());
      need.put("cache_bytes", memory.cache());
      need.put("compute_bytes", memory.compute());
      need.put("total_bytes", memory.total());
      map.put("memory", need);
    }
    if (prm != null) {
      Map<String, Object> reward = new LinkedHashMap<>();
      reward.put("form", prm.form().name().toLowerCase(Locale.ROOT));
      reward.put("layout", prm.layout().label());
      if (prm.form() == PrmInfo.Form.TOKEN) {
        reward.put("good_token", prm.goodToken());
        reward.put("bad_token", prm.badToken());
      }
      if (prm.separatorToken() != PrmInfo.NONE) {
        reward.put("separator_token", prm.separatorToken());
      }
      map.put("process_reward", reward);
    }
    if (kind == GgufFile.Kind.ADAPTER) {
      map.put("targets", targets);
    }
    return map;
  }

  private Map<String, Object> shapeMap() {
    Map<String, Object> dims = new LinkedHashMap<>();
    dims.put("layers", shape.layers());
    dims.put("width", shape.width());
    dims.put("heads", shape.heads());
    dims.put("kv_heads", shape.kvHeads());
    dims.put("head_width", shape.headWidth());
    dims.put("feed_forward", shape.feedForward());
    dims.put("vocabulary", shape.vocabulary());
    dims.put("context", shape.context());
    dims.put("rope_base", shape.ropeBase());
    dims.put("norm_epsilon", shape.normEpsilon());
    dims.put("tied", shape.tied());
    return dims;
  }

  /** The description as lines for people. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(line("file", file + " (" + size(bytes) + ", GGUF " + version + ")"));
    lines.add(line("kind", kind.name().toLowerCase(Locale.ROOT) + (name.isEmpty() ? "" : ": " + name)));
    lines.add(line("architecture", architecture
        + (shape != null || kind != GgufFile.Kind.MODEL ? "" : " (not supported: " + ModelShape.supported()
        + " are)")));
    if (!types.isEmpty()) {
      lines.add(line("parameters", count(parameters) + " in " + histogram()));
    }
    if (shape != null) {
      lines.add(line("shape", shape.layers() + " layers, width " + shape.width() + ", " + shape.heads() + " heads ("
          + shape.kvHeads() + " for keys and values) of " + shape.headWidth() + ", feed-forward " + shape.feedForward()
          + (shape.tied() ? ", tied embedding" : "")));
      lines.add(line("context", shape.context() + " tokens, RoPE base " + shape.ropeBase()));
    }
    if (tokens > 0) {
      lines.add(line("tokenizer", tokenizer + ", " + tokens + " tokens, "
          + (chatTemplate ? "with a chat template" : "no chat template")));
    }
    if (kind == GgufFile.Kind.ADAPTER) {
      lines.add(line("changes", targets.size() + " weights, " + targets.getFirst() + " to " + targets.getLast()));
    }
    if (prm != null) {
      lines.add(line("reward", "a process reward model, form " + prm.form().name().toLowerCase(Locale.ROOT)
          + ", layout "
          + prm.layout().label()));
    }
    if (memory != null) {
      lines.add(line("memory", size(memory.total()) + " for " + contextTokens + " tokens: " + size(memory.weights())
          + " weights, " + size(memory.cache()) + " cache, " + size(memory.compute()) + " compute"));
    }
    lines.add(line("sha256", sha256));
    return lines;
  }

  private String histogram() {
    return types.entrySet().stream().map(type -> type.getValue() + " " + type.getKey().label())
        .collect(java.util.stream.Collectors.joining(", ")) + " tensors";
  }

  private static String line(String label, String text) {
    return String.format(Locale.ROOT, "%-13s %s", label, text);
  }

  private static String size(long bytes) {
    return bytes >= 1L << 30 ? String.format(Locale.ROOT, "%.2f GiB", bytes / (double) (1L << 30))
        : bytes >= 1L << 20 ? String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1L << 20))
        : String.format(Locale.ROOT, "%.1f KiB", bytes / 1024.0);
  }

  private static String count(long n) {
    return n >= 1_000_000_000 ? String.format(Locale.ROOT, "%.2f billion", n / 1e9)
        : n >= 1_000_000 ? String.format(Locale.ROOT, "%.2f million", n / 1e6) : Long.toString(n);
  }
}
