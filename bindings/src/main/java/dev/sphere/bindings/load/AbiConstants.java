package dev.sphere.bindings.load;

import dev.sphere.gguf.GgmlType;
import java.util.Map;
import java.util.TreeMap;

/**
 * The constants of llama.h and ggml.h that the bindings use, under their C names. Like the layouts they are compared
 * with the library when it is loaded, and with jextract's findings in a test; a new one also gets its line in {@code
 * native/src/common/abi_table.cpp}.
 */
public final class AbiConstants {
  public static final int GGML_LOG_LEVEL_DEBUG = 1;
  public static final int GGML_LOG_LEVEL_INFO = 2;
  public static final int GGML_LOG_LEVEL_WARN = 3;
  public static final int GGML_LOG_LEVEL_ERROR = 4;
  public static final int GGML_LOG_LEVEL_CONT = 5; // goes on with the text before it

  public static final int GGML_ROPE_TYPE_NORMAL = 0;
  public static final int GGML_ROPE_TYPE_NEOX = 2;

  public static final int LLAMA_LOAD_MODE_NONE = 0; // read into memory
  public static final int LLAMA_LOAD_MODE_MMAP = 1;
  public static final int LLAMA_FLASH_ATTN_TYPE_DISABLED = 0;
  public static final int LLAMA_FLASH_ATTN_TYPE_ENABLED = 1;

  public static final int LLAMA_TOKEN_ATTR_UNKNOWN = 1;
  public static final int LLAMA_TOKEN_ATTR_CONTROL = 8;
  public static final int LLAMA_TOKEN_ATTR_USER_DEFINED = 16;

  public static final int SPHERE_TOKENIZE_BYTES = 1 << 20; // the longest text
  public static final int SPHERE_ATTENTION_BLOCK = 512; // cells

  public static final int SPHERE_INVALID_ARGUMENT = 1;
  public static final int SPHERE_OUT_OF_MEMORY = 2;
  public static final int SPHERE_CUDA_NO_DEVICE = 16;
  public static final int SPHERE_CUDA_OLD_DRIVER = 17;
  public static final int SPHERE_CUDA_LOST = 18;
  public static final int SPHERE_CUDA_NO_KERNELS = 19;

  public static final int GGML_BACKEND_DEVICE_TYPE_GPU = 1;
  public static final int LLAMA_SPLIT_MODE_NONE = 0;
  public static final int LLAMA_SPLIT_MODE_LAYER = 1;
  public static final int LLAMA_SPLIT_MODE_ROW = 2;
  public static final int LLAMA_SPLIT_MODE_TENSOR = 3;

  // places of weights, sphere_decode.h
  public static final int SPHERE_DECODE_EMBEDDING = 0;
  public static final int SPHERE_DECODE_OUTPUT = 1;
  public static final int SPHERE_DECODE_OUTPUT_BIAS = 2;
  public static final int SPHERE_DECODE_OUTPUT_NORM = 3;
  public static final int SPHERE_DECODE_ROPE_FACTORS = 4;
  public static final int SPHERE_DECODE_LAYERS = 5;
  public static final int SPHERE_DECODE_NORM = 0;
  public static final int SPHERE_DECODE_Q = 1;
  public static final int SPHERE_DECODE_K = 2;
  public static final int SPHERE_DECODE_V = 3;
  public static final int SPHERE_DECODE_ATTENTION_OUT = 4;
  public static final int SPHERE_DECODE_GATE = 5;
  public static final int SPHERE_DECODE_UP = 6;
  public static final int SPHERE_DECODE_DOWN = 7;
  public static final int SPHERE_DECODE_FEED_NORM = 8;
  public static final int SPHERE_DECODE_Q_NORM = 9;
  public static final int SPHERE_DECODE_K_NORM = 10;
  public static final int SPHERE_DECODE_Q_BIAS = 11;
  public static final int SPHERE_DECODE_K_BIAS = 12;
  public static final int SPHERE_DECODE_V_BIAS = 13;
  public static final int SPHERE_DECODE_ATTENTION_OUT_BIAS = 14;
  public static final int SPHERE_DECODE_GATE_BIAS = 15;
  public static final int SPHERE_DECODE_UP_BIAS = 16;
  public static final int SPHERE_DECODE_DOWN_BIAS = 17;
  public static final int SPHERE_DECODE_LAYER = 18;

  private AbiConstants() {}

  /** Every constant of this class and the ids of {@link GgmlType}, by C name. */
  public static Map<String, Long> all() {
    Map<String, Long> all = new TreeMap<>();
    for (var field : AbiConstants.class.getDeclaredFields()) {
      if (field.getType() == int.class) {
        try {
          all.put(field.getName(), (long) field.getInt(null));
        } catch (IllegalAccessException e) {
          throw new AssertionError(e); // our own class
        }
      }
    }
    for (GgmlType type : GgmlType.values()) {
      all.put("GGML_TYPE_" + type.name(), (long) type.id());
    }
    return all;
  }
}
