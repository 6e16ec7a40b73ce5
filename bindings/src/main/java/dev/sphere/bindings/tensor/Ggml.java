package dev.sphere.bindings.tensor;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sphere.bindings.load.AbiLayouts;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Handles of the ggml functions that graphs are built with; each signature stands beside its handle. */
final class Ggml {
  /** Offsets in {@code struct ggml_tensor}. */
  static final long TENSOR_TYPE = AbiLayouts.GGML_TENSOR.byteOffset(groupElement("type"));

  static final long TENSOR_NE = AbiLayouts.GGML_TENSOR.byteOffset(groupElement("ne"));
  static final long TENSOR_NB = AbiLayouts.GGML_TENSOR.byteOffset(groupElement("nb"));

  // contexts and tensors
  static final MethodHandle INIT = of("ggml_init", FunctionDescriptor.of(ADDRESS, AbiLayouts.GGML_INIT_PARAMS));
  static final MethodHandle FREE = of("ggml_free", FunctionDescriptor.ofVoid(ADDRESS));
  static final MethodHandle TENSOR_OVERHEAD = of("ggml_tensor_overhead", FunctionDescriptor.of(JAVA_LONG));
  static final MethodHandle GRAPH_OVERHEAD =
      of("ggml_graph_overhead_custom", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_BOOLEAN));
  static final MethodHandle NEW_TENSOR =
      of("ggml_new_tensor_4d",
          FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
  static final MethodHandle GET_DATA = of("ggml_get_data", FunctionDescriptor.of(ADDRESS, ADDRESS));
  static final MethodHandle SET_NAME = of("ggml_set_name", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));
  static final MethodHandle SET_INPUT = of("ggml_set_input", FunctionDescriptor.ofVoid(ADDRESS));
  static final MethodHandle SET_OUTPUT = of("ggml_set_output", FunctionDescriptor.ofVoid(ADDRESS));

  // operations: (ctx, a), (ctx, a, b), (ctx, a, b, c)
  static final MethodHandle CONT = unary("ggml_cont");
  static final MethodHandle TRANSPOSE = unary("ggml_transpose");
  static final MethodHandle RELU = unary("ggml_relu");
  static final MethodHandle STEP = unary("ggml_step");
  static final MethodHandle SUM_ROWS = unary("ggml_sum_rows");
  static final MethodHandle LOG = unary("ggml_log");
  static final MethodHandle SQRT = unary("ggml_sqrt");
  static final MethodHandle ADD = binary("ggml_add");
  static final MethodHandle ADD_INPLACE = binary("ggml_add_inplace");
  static final MethodHandle MUL = binary("ggml_mul");
  static final MethodHandle DIV = binary("ggml_div");
  static final MethodHandle MUL_MAT = binary("ggml_mul_mat");
  static final MethodHandle CPY = binary("ggml_cpy");
  static final MethodHandle GET_ROWS = binary("ggml_get_rows");
  static final MethodHandle REPEAT_BACK = binary("ggml_repeat_back");
  static final MethodHandle ARANGE =
      of("ggml_arange", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_FLOAT, JAVA_FLOAT, JAVA_FLOAT));
  static final MethodHandle CAST = of("ggml_cast", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, JAVA_INT));
  static final MethodHandle SCALE = of("ggml_scale", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, JAVA_FLOAT));
  static final MethodHandle SOFT_MAX_EXT =
      of("ggml_soft_max_ext", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_FLOAT, JAVA_FLOAT));
  static final MethodHandle RESHAPE =
      of("ggml_reshape_4d",
          FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
  /** (ctx, a, ne0, ne1, ne2, ne3, nb1, nb2, nb3, offset). */
  static final MethodHandle VIEW =
      of(
          "ggml_view_4d",
          FunctionDescriptor.of(
              ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
              JAVA_LONG));

  // graphs
  static final MethodHandle NEW_GRAPH =
      of("ggml_new_graph_custom", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_LONG, JAVA_BOOLEAN));
  static final MethodHandle EXPAND = of("ggml_build_forward_expand", FunctionDescriptor.ofVoid(ADDRESS, ADDRESS));
  static final MethodHandle GRAPH_NODES = of("ggml_graph_n_nodes", FunctionDescriptor.of(JAVA_INT, ADDRESS));

  static final MethodHandle GRAPH_NODE = of("ggml_graph_node", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));
  static final MethodHandle GRAPH_ADD_NODE = of("ggml_graph_add_node", FunctionDescriptor.ofVoid(ADDRESS, ADDRESS));

  // backends and memory
  static final MethodHandle CPU_INIT = of("ggml_backend_cpu_init", FunctionDescriptor.of(ADDRESS));
  static final MethodHandle CPU_SET_THREADS =
      of("ggml_backend_cpu_set_n_threads", FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT));
  static final MethodHandle BACKEND_FREE = of("ggml_backend_free", FunctionDescriptor.ofVoid(ADDRESS));
  static final MethodHandle BACKEND_BUFFER_TYPE =
      of("ggml_backend_get_default_buffer_type", FunctionDescriptor.of(ADDRESS, ADDRESS));
  static final MethodHandle DEV_COUNT = of("ggml_backend_dev_count", FunctionDescriptor.of(JAVA_LONG));
  static final MethodHandle DEV_GET = of("ggml_backend_dev_get", FunctionDescriptor.of(ADDRESS, JAVA_LONG));
  static final MethodHandle DEV_TYPE = of("ggml_backend_dev_type", FunctionDescriptor.of(JAVA_INT, ADDRESS));
  static final MethodHandle DEV_INIT = of("ggml_backend_dev_init", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));
  /** libsphere's: ggml's own nodes by the backend, ours by the device that holds them. */
  static final MethodHandle GRAPH_COMPUTE =
      of("sphere_graph_compute", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));
  /** libsphere's: ends the threads that computed for the calling thread. */
  static final MethodHandle THREADS_RELEASE = of("sphere_threads_release", FunctionDescriptor.ofVoid());
  static final MethodHandle ALLOC_TENSORS =
      of("ggml_backend_alloc_ctx_tensors", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));
  static final MethodHandle BUFFER_FREE = of("ggml_backend_buffer_free", FunctionDescriptor.ofVoid(ADDRESS));
  static final MethodHandle BUFFER_CLEAR =
      of("ggml_backend_buffer_clear", FunctionDescriptor.ofVoid(ADDRESS, JAVA_BYTE));
  static final MethodHandle GALLOCR_NEW = of("ggml_gallocr_new", FunctionDescriptor.of(ADDRESS, ADDRESS));
  static final MethodHandle GALLOCR_FREE = of("ggml_gallocr_free", FunctionDescriptor.ofVoid(ADDRESS));
  static final MethodHandle GALLOCR_ALLOC =
      of("ggml_gallocr_alloc_graph", FunctionDescriptor.of(JAVA_BOOLEAN, ADDRESS, ADDRESS));
  static final MethodHandle GALLOCR_SIZE =
      of("ggml_gallocr_get_buffer_size", FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_INT));

  private Ggml() {}

  static MethodHandle of(String symbol, FunctionDescriptor descriptor) {
    return NativeLibraries.downcall(symbol, descriptor);
  }

  private static MethodHandle unary(String symbol) {
    return of(symbol, FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));
  }

  private static MethodHandle binary(String symbol) {
    return of(symbol, FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  static long tensorOverhead() {
    return NativeCall.of(() -> (long) TENSOR_OVERHEAD.invokeExact());
  }

  static long graphOverhead(long nodes) {
    return NativeCall.of(() -> (long) GRAPH_OVERHEAD.invokeExact(nodes, false));
  }

  /** A context that holds tensors' descriptions only, {@code bytes} large. */
  static MemorySegment newContext(long bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment params = arena.allocate(AbiLayouts.GGML_INIT_PARAMS);
      params.set(JAVA_LONG, 0, bytes);
      params.set(JAVA_BOOLEAN, 16, true);
      MemorySegment context = (MemorySegment) INIT.invokeExact(params);
      if (context.address() == 0) {
        throw new IllegalStateException("ggml made no context of " + bytes + " bytes: out of memory");
      }
      return context;
    } catch (Throwable t) {
      throw NativeCall.failed(t);
    }
  }

  /** Calls a function of nothing and no result. */
  static void call(MethodHandle handle) {
    NativeCall.run(() -> { handle.invokeExact(); });
  }

  /** Calls a function of one pointer and no result. */
  static void call(MethodHandle handle, MemorySegment a) {
    NativeCall.run(() -> { handle.invokeExact(a); });
  }

  /** A pointer from a function of one pointer. */
  static MemorySegment get(MethodHandle handle, MemorySegment a) {
    return NativeCall.of(() -> (MemorySegment) handle.invokeExact(a));
  }
}
