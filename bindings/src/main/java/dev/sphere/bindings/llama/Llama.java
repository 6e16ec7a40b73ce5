package dev.sphere.bindings.llama;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.FunctionDescriptor.of;
import static java.lang.foreign.FunctionDescriptor.ofVoid;

import dev.sphere.base.OpenFile;
import dev.sphere.bindings.load.AbiLayouts;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.gguf.model.GgufFile;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.Function;

/** The functions of llama.h that Sphere calls, each handle beside its signature. */
final class Llama {
  /** A pointer to a C string that llama.cpp owns. */
  static final AddressLayout STRING =
      ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(Long.MAX_VALUE, ValueLayout.JAVA_BYTE));

  // --- start, models ---
  static final MethodHandle BACKEND_INIT = NativeLibraries.downcall("llama_backend_init", ofVoid());
  static final MethodHandle MODEL_DEFAULT_PARAMS =
      NativeLibraries.downcall("llama_model_default_params", of(AbiLayouts.LLAMA_MODEL_PARAMS));
  static final MethodHandle MODEL_LOAD =
      NativeLibraries.downcall("llama_model_load_from_file", of(ADDRESS, ADDRESS, AbiLayouts.LLAMA_MODEL_PARAMS));
  static final MethodHandle MODEL_FREE = NativeLibraries.downcall("llama_model_free", ofVoid(ADDRESS));
  static final MethodHandle MODEL_VOCAB = NativeLibraries.downcall("llama_model_get_vocab", of(ADDRESS, ADDRESS));
  static final MethodHandle MODEL_N_CTX_TRAIN = modelInt("llama_model_n_ctx_train");
  static final MethodHandle MODEL_N_EMBD = modelInt("llama_model_n_embd");
  static final MethodHandle MODEL_N_LAYER = modelInt("llama_model_n_layer");
  static final MethodHandle MODEL_N_HEAD = modelInt("llama_model_n_head");
  static final MethodHandle MODEL_N_HEAD_KV = modelInt("llama_model_n_head_kv");
  static final MethodHandle MODEL_N_PARAMS = NativeLibraries.downcall("llama_model_n_params", of(JAVA_LONG, ADDRESS));
  static final MethodHandle MODEL_HAS_ENCODER = modelFlag("llama_model_has_encoder");
  static final MethodHandle MODEL_IS_RECURRENT = modelFlag("llama_model_is_recurrent");
  static final MethodHandle MODEL_IS_HYBRID = modelFlag("llama_model_is_hybrid");
  static final MethodHandle MODEL_META_VAL =
      NativeLibraries.downcall("llama_model_meta_val_str", of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG));
  static final MethodHandle MODEL_DESC =
      NativeLibraries.downcall("llama_model_desc", of(JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG));
  static final MethodHandle MODEL_CHAT_TEMPLATE =
      NativeLibraries.downcall("llama_model_chat_template", of(ADDRESS, ADDRESS, ADDRESS));

  // --- vocabulary (thread-safe) ---
  static final MethodHandle VOCAB_N_TOKENS = modelInt("llama_vocab_n_tokens");
  static final MethodHandle VOCAB_BOS = modelInt("llama_vocab_bos");
  static final MethodHandle VOCAB_EOS = modelInt("llama_vocab_eos");
  static final MethodHandle VOCAB_EOT = modelInt("llama_vocab_eot");
  static final MethodHandle VOCAB_ADD_BOS = modelFlag("llama_vocab_get_add_bos");
  static final MethodHandle VOCAB_ADD_EOS = modelFlag("llama_vocab_get_add_eos");
  static final MethodHandle VOCAB_IS_EOG = tokenFlag("llama_vocab_is_eog");
  static final MethodHandle VOCAB_IS_CONTROL = tokenFlag("llama_vocab_is_control");
  static final MethodHandle VOCAB_ATTRIBUTES =
      NativeLibraries.downcall("llama_vocab_get_attr", of(JAVA_INT, ADDRESS, JAVA_INT));
  static final MethodHandle VOCAB_TEXT =
      NativeLibraries.downcall("llama_vocab_get_text", of(STRING, ADDRESS, JAVA_INT));
  static final MethodHandle TOKEN_TO_PIECE =
      NativeLibraries.downcall(
          "llama_token_to_piece", of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_BOOLEAN));

  // --- contexts ---
  static final MethodHandle CONTEXT_DEFAULT_PARAMS =
      NativeLibraries.downcall("llama_context_default_params", of(AbiLayouts.LLAMA_CONTEXT_PARAMS));
  static final MethodHandle INIT_FROM_MODEL =
      NativeLibraries.downcall("llama_init_from_model", of(ADDRESS, ADDRESS, AbiLayouts.LLAMA_CONTEXT_PARAMS));
  static final MethodHandle FREE = NativeLibraries.downcall("llama_free", ofVoid(ADDRESS));
  static final MethodHandle N_CTX = modelInt("llama_n_ctx");
  static final MethodHandle GET_MEMORY = NativeLibraries.downcall("llama_get_memory", of(ADDRESS, ADDRESS));
  static final MethodHandle DECODE =
      NativeLibraries.downcall("llama_decode", of(JAVA_INT, ADDRESS, AbiLayouts.LLAMA_BATCH));
  static final MethodHandle SYNCHRONIZE = NativeLibraries.downcall("llama_synchronize", ofVoid(ADDRESS));
  static final MethodHandle GET_LOGITS = NativeLibraries.downcall("llama_get_logits", of(ADDRESS, ADDRESS));
  static final MethodHandle GET_EMBEDDINGS = NativeLibraries.downcall("llama_get_embeddings", of(ADDRESS, ADDRESS));

  // --- the KV cache ---
  static final MethodHandle MEMORY_CLEAR =
      NativeLibraries.downcall("llama_memory_clear", ofVoid(ADDRESS, JAVA_BOOLEAN));
  static final MethodHandle SEQ_RM =
      NativeLibraries.downcall("llama_memory_seq_rm", of(JAVA_BOOLEAN, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT));
  static final MethodHandle SEQ_CP =
      NativeLibraries.downcall("llama_memory_seq_cp", ofVoid(ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
  static final MethodHandle SEQ_POS_MAX =
      NativeLibraries.downcall("llama_memory_seq_pos_max", of(JAVA_INT, ADDRESS, JAVA_INT));
  static final MethodHandle STATE_SIZE = NativeLibraries.downcall("llama_state_get_size", of(JAVA_LONG, ADDRESS));
  static final MethodHandle STATE_GET =
      NativeLibraries.downcall("llama_state_get_data", of(JAVA_LONG, ADDRESS, ADDRESS, JAVA_LONG));
  static final MethodHandle STATE_SET =
      NativeLibraries.downcall("llama_state_set_data", of(JAVA_LONG, ADDRESS, ADDRESS, JAVA_LONG));

  // --- LoRA adapters ---
  static final MethodHandle ADAPTER_INIT =
      NativeLibraries.downcall("llama_adapter_lora_init", of(ADDRESS, ADDRESS, ADDRESS));
  static final MethodHandle ADAPTER_FREE = NativeLibraries.downcall("llama_adapter_lora_free", ofVoid(ADDRESS));
  static final MethodHandle SET_ADAPTERS =
      NativeLibraries.downcall("llama_set_adapters_lora", of(JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS));

  // --- libsphere, sphere_tokenize.h ---
  static final MethodHandle TOKENIZE =
      NativeLibraries.downcall(
          "sphere_tokenize", of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS));

  private static boolean started;

  private Llama() {}

  private static MethodHandle modelInt(String symbol) {
    return NativeLibraries.downcall(symbol, of(JAVA_INT, ADDRESS));
  }

  private static MethodHandle modelFlag(String symbol) {
    return NativeLibraries.downcall(symbol, of(JAVA_BOOLEAN, ADDRESS));
  }

  private static MethodHandle tokenFlag(String symbol) {
    return NativeLibraries.downcall(symbol, of(JAVA_BOOLEAN, ADDRESS, JAVA_INT));
  }

  /** Makes the libraries ready; the first call does the work. */
  static synchronized void start() {
    NativeRuntime.require();
    if (!started) {
      NativeCall.run(() -> { BACKEND_INIT.invokeExact(); });
      started = true;
    }
  }

  /** {@code int f(pointer)}. */
  static int callInt(MethodHandle handle, MemorySegment pointer) {
    return NativeCall.of(() -> (int) handle.invokeExact(pointer));
  }

  /** {@code bool f(pointer)}. */
  static boolean callFlag(MethodHandle handle, MemorySegment pointer) {
    return NativeCall.of(() -> (boolean) handle.invokeExact(pointer));
  }

  /** {@code long f(pointer)}. */
  static long callLong(MethodHandle handle, MemorySegment pointer) {
    return NativeCall.of(() -> (long) handle.invokeExact(pointer));
  }

  /** {@code void * f(pointer)}. */
  static MemorySegment callPointer(MethodHandle handle, MemorySegment pointer) {
    return NativeCall.of(() -> (MemorySegment) handle.invokeExact(pointer));
  }

  /** {@code void f(pointer)}. */
  static void call(MethodHandle handle, MemorySegment pointer) {
    NativeCall.run(() -> { handle.invokeExact(pointer); });
  }

  /**
   * Loads what a file holds: closes the file when that fails, and what was loaded when the file changed meanwhile.
   *
   * @param load takes over the file
   */
  static <T extends AutoCloseable> T load(GgufFile file, Function<GgufFile, T> load, Consumer<T> close) {
    T loaded;
    try {
      loaded = load.apply(file);
    } catch (Throwable e) {
      file.close();
      throw e;
    }
    try {
      file.file().requireUnchanged(); // what llama.cpp read is what was checked
      return loaded;
    } catch (Throwable e) {
      close.accept(loaded);
      throw e;
    }
  }

  /** "; llama.cpp says: ..." with the latest warnings and errors, or nothing. */
  static String because() {
    var problems = NativeRuntime.recentProblems();
    return problems.isEmpty() ? "" : "; llama.cpp says: " + problems.getLast();
  }

  /** As {@link #because()}, with a file's path in place of the name under which llama.cpp opened it. */
  static String because(OpenFile file, Path path) {
    return because().replace(file.nativePath().toString(), path.toString());
  }
}
