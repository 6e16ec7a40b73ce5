package dev.sphere.bindings.load;

import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayDeque;
import java.util.List;

/**
 * Hands the log of llama.cpp and ggml, and ggml's last words before it aborts, to the System.Logger
 * "dev.sphere.native".
 *
 * <p>The callbacks may come from any native thread, ggml's workers included, and must neither throw nor call back into
 * llama.cpp. A text may be part of a line; each thread's parts are put together until the newline. Levels: llama.cpp's
 * info is {@code DEBUG} here (100 lines for each model), its debug {@code TRACE}; warning and error stay.
 */
final class NativeLog {
  private static final int MAX_LINE = 4096;
  private static final int MAX_PROBLEMS = 16;

  private static final System.Logger LOGGER = System.getLogger("dev.sphere.native");
  private static final ThreadLocal<Line> LINE = ThreadLocal.withInitial(Line::new);
  private static final ArrayDeque<String> PROBLEMS = new ArrayDeque<>();

  private static final class Line {
    final StringBuilder text = new StringBuilder();
    int level;
  }

  private NativeLog() {}

  /** Installs the callbacks, for the life of the process. */
  static void install(SymbolLookup lookup) throws Throwable {
    Linker linker = Linker.nativeLinker();
    MethodHandles.Lookup self = MethodHandles.lookup();
    MethodHandle log = self.findStatic(NativeLog.class, "onLog",
        MethodType.methodType(void.class, int.class, MemorySegment.class, MemorySegment.class));
    var string =
        ValueLayout.ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(Long.MAX_VALUE, ValueLayout.JAVA_BYTE));
    MemorySegment logStub =
        linker.upcallStub(
            log, FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT, string, ValueLayout.ADDRESS), Arena.global());
    MethodHandle setLog =
        linker.downcallHandle(
            lookup.findOrThrow("llama_log_set"), // hands the callback on to ggml
            FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.ADDRESS));
    setLog.invokeExact(logStub, MemorySegment.NULL);

    MethodHandle abort =
        self.findStatic(NativeLog.class, "onAbort", MethodType.methodType(void.class, MemorySegment.class));
    MemorySegment abortStub = linker.upcallStub(abort, FunctionDescriptor.ofVoid(string), Arena.global());
    MethodHandle setAbort =
        linker.downcallHandle(lookup.findOrThrow("ggml_set_abort_callback"),
            FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS));
    MemorySegment previous = (MemorySegment) setAbort.invokeExact(abortStub);
    assert previous.equals(MemorySegment.NULL) : "somebody else had set ggml's abort callback";
  }

  static List<String> recentProblems() {
    synchronized (PROBLEMS) {
      return List.copyOf(PROBLEMS);
    }
  }

  static void clearRecentProblems() {
    synchronized (PROBLEMS) {
      PROBLEMS.clear();
    }
  }

  /** Logs a warning of the bindings' own. */
  static void warn(String text) {
    LOGGER.log(Level.WARNING, text);
  }

  // Called by native code. An exception that left it would end the JVM.
  private static void onLog(int level, MemorySegment text, MemorySegment userData) {
    try {
      if (!text.equals(MemorySegment.NULL)) {
        add(level, text.getString(0));
      }
    } catch (Throwable e) {
      // Nothing safe is left to do with it: a log line is lost.
    }
  }

  // ggml calls it just before abort(): the process ends when it returns.
  private static void onAbort(MemorySegment text) {
    try {
      LOGGER.log(Level.ERROR, "ggml stops the process: {0}", text.getString(0).strip());
    } catch (Throwable e) {
      // The process ends anyway.
    }
  }

  /** Visible for tests. */
  static void add(int level, String part) {
    Line line = LINE.get();
    if (level != AbiConstants.GGML_LOG_LEVEL_CONT) {
      if (!line.text.isEmpty()) {
        emit(line);
      }
      line.level = level;
    }
    line.text.append(part);
    if (part.endsWith("\n") || line.text.length() > MAX_LINE) {
      emit(line);
    }
  }

  private static void emit(Line line) {
    String text = line.text.toString().stripTrailing();
    line.text.setLength(0);
    if (text.isBlank()) {
      return;
    }
    if (text.contains("possible training context overflow")) {
      line.level = AbiConstants.GGML_LOG_LEVEL_DEBUG; // a shared cache is meant to be longer than one sequence
    }
    if (line.level == AbiConstants.GGML_LOG_LEVEL_WARN || line.level == AbiConstants.GGML_LOG_LEVEL_ERROR) {
      synchronized (PROBLEMS) {
        if (PROBLEMS.size() == MAX_PROBLEMS) {
          PROBLEMS.removeFirst();
        }
        PROBLEMS.addLast(text);
      }
    }
    LOGGER.log(javaLevel(line.level), () -> text);
  }

  private static Level javaLevel(int level) {
    return switch (level) {
      case AbiConstants.GGML_LOG_LEVEL_DEBUG -> Level.TRACE;
      case AbiConstants.GGML_LOG_LEVEL_WARN -> Level.WARNING;
      case AbiConstants.GGML_LOG_LEVEL_ERROR -> Level.ERROR;
      default -> Level.DEBUG;
    };
  }
}
