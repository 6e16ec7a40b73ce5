package dev.sphere.bindings.load;

import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/** Whether the native libraries are there, which they are, and if not, why and what to do. */
public final class NativeRuntime {
  private NativeRuntime() {}

  /**
   * The state of the native libraries in this JVM.
   *
   * @param available true when they are loaded and their ABI is proven
   * @param message one line for the user: what was loaded, or what is wrong and what to run
   * @param cause why they are missing, null when they are available
   * @param directory the folder that they were loaded from, null when none was found
   * @param llamaVersion version of the loaded llama.cpp ("0.5.0"), null when not available
   * @param sphereVersion version of the loaded libsphere, null when not available
   * @param cpu for which CPU the libraries were built and why these were taken, null when not available
   */
  public record Status(boolean available, String message, Throwable cause, Path directory, String llamaVersion,
      String sphereVersion, String cpu) {}

  /** Loads the libraries on the first call (at most a second, once), never throws; cheap afterwards. */
  public static Status status() {
    return NativeLibraries.status();
  }

  /**
   * Loads the libraries, or throws what {@link #status()} has to say.
   *
   * @throws NativeUnavailableException when they are not available
   */
  public static void require() {
    Status status = status();
    if (!status.available()) {
      throw new NativeUnavailableException(status.message(), status.cause());
    }
  }

  /**
   * The CPU features that the loaded libraries were compiled for, as Linux names them; empty where that is not known.
   */
  public static Set<String> cpuFeatures() {
    return NativeLibraries.cpuFeatures();
  }

  /**
   * The last warnings and errors that llama.cpp and ggml logged, oldest first, at most 16; for error messages. They
   * also go to the {@link System.Logger} named {@code dev.sphere.native}.
   */
  public static List<String> recentProblems() {
    return NativeLog.recentProblems();
  }

  /** Forgets {@link #recentProblems()}: call it before something whose failure is to be explained by them. */
  public static void clearRecentProblems() {
    NativeLog.clearRecentProblems();
  }
}
