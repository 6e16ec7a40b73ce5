package dev.sphere.bindings;

import java.util.Map;
import java.util.TreeMap;

/**
 * The constants of llama.h and ggml.h that the bindings use, under their C names. Like the layouts they are compared
 * with the library when it is loaded, and with jextract's findings in a test; a new one also gets its line in {@code
 * native/src/abi_table.cpp}.
 */
final class AbiConstants {
  static final int GGML_LOG_LEVEL_DEBUG = 1;
  static final int GGML_LOG_LEVEL_INFO = 2;
  static final int GGML_LOG_LEVEL_WARN = 3;
  static final int GGML_LOG_LEVEL_ERROR = 4;
  static final int GGML_LOG_LEVEL_CONT = 5; // goes on with the text before it

  static final int GGML_ROPE_TYPE_NORMAL = 0;
  static final int GGML_ROPE_TYPE_NEOX = 2;
  static final int GGML_STATUS_SUCCESS = 0;

  static final int LLAMA_LOAD_MODE_NONE = 0; // read into memory
  static final int LLAMA_LOAD_MODE_MMAP = 1;
  static final int LLAMA_FLASH_ATTN_TYPE_DISABLED = 0;
  static final int LLAMA_FLASH_ATTN_TYPE_ENABLED = 1;

  static final int LLAMA_TOKEN_ATTR_UNKNOWN = 1;
  static final int LLAMA_TOKEN_ATTR_CONTROL = 8;
  static final int LLAMA_TOKEN_ATTR_USER_DEFINED = 16;

  static final int SPHERE_TOKENIZE_BYTES = 1 << 20; // the longest text

  static final int SPHERE_INVALID_ARGUMENT = 1;
  static final int SPHERE_OUT_OF_MEMORY = 2;
  static final int SPHERE_CUDA_NO_DEVICE = 16;
  static final int SPHERE_CUDA_OLD_DRIVER = 17;
  static final int SPHERE_CUDA_LOST = 18;
  static final int SPHERE_CUDA_NO_KERNELS = 19;

  static final int GGML_BACKEND_DEVICE_TYPE_GPU = 1;
  static final int LLAMA_SPLIT_MODE_NONE = 0;
  static final int LLAMA_SPLIT_MODE_LAYER = 1;
  static final int LLAMA_SPLIT_MODE_ROW = 2;
  static final int LLAMA_SPLIT_MODE_TENSOR = 3;

  // places of weights, sphere_decode.h
  static final int SPHERE_DECODE_EMBEDDING = 0;
  static final int SPHERE_DECODE_OUTPUT = 1;
  static final int SPHERE_DECODE_OUTPUT_BIAS = 2;
  static final int SPHERE_DECODE_OUTPUT_NORM = 3;
  static final int SPHERE_DECODE_ROPE_FACTORS = 4;
  static final int SPHERE_DECODE_LAYERS = 5;
  static final int SPHERE_DECODE_NORM = 0;
  static final int SPHERE_DECODE_Q = 1;
  static final int SPHERE_DECODE_K = 2;
  static final int SPHERE_DECODE_V = 3;
  static final int SPHERE_DECODE_ATTENTION_OUT = 4;
  static final int SPHERE_DECODE_GATE = 5;
  static final int SPHERE_DECODE_UP = 6;
  static final int SPHERE_DECODE_DOWN = 7;
  static final int SPHERE_DECODE_FEED_NORM = 8;
  static final int SPHERE_DECODE_Q_NORM = 9;
  static final int SPHERE_DECODE_K_NORM = 10;
  static final int SPHERE_DECODE_Q_BIAS = 11;
  static final int SPHERE_DECODE_K_BIAS = 12;
  static final int SPHERE_DECODE_V_BIAS = 13;
  static final int SPHERE_DECODE_ATTENTION_OUT_BIAS = 14;
  static final int SPHERE_DECODE_GATE_BIAS = 15;
  static final int SPHERE_DECODE_UP_BIAS = 16;
  static final int SPHERE_DECODE_DOWN_BIAS = 17;
  static final int SPHERE_DECODE_LAYER = 18;

  private AbiConstants() {}

  /** Every constant of this class and the ids of {@link TensorType}, by C name. */
  static Map<String, Long> all() {
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
    for (TensorType type : TensorType.values()) {
      all.put("GGML_TYPE_" + type.name(), (long) type.id());
    }
    return all;
  }
}
