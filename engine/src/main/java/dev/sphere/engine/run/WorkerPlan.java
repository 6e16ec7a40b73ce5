package dev.sphere.engine.run;

import dev.sphere.base.HeldFiles;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.store.Provenance;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The files and models that a process opens to work for another one's run.
 *
 * @param files the models' files; null for a file that is not used
 * @param identity of this process's results
 * @param load loads the models
 */
public record WorkerPlan(List<Path> files, Supplier<Map<String, String>> identity, Supplier<Models> load) {
  /** Models that are loaded. Safe for many threads, but for closing. */
  public interface Models extends AutoCloseable {
    /** The policy, by which machines are compared. */
    BatchedPolicy policy();

    /** Does one task, a checked line, and gives the result as checked lines. */
    byte[] work(byte[] task) throws InterruptedException;

    @Override
    void close();
  }

  /**
   * Loads the models.
   *
   * @param asked the run's identity
   * @throws IllegalArgumentException when this process would make other results, or cannot read the files
   */
  public Worker open(Map<String, String> asked) {
    NativeRuntime.require();
    HeldFiles held = new HeldFiles(files);
    try {
      List<String> differences =
          new Provenance(asked, Map.of()).differences(new Provenance(identity.get(), Map.of()));
      if (!differences.isEmpty()) {
        throw new IllegalArgumentException("this worker would make another run: " + String.join("; ", differences)
            + ". Give all workers the same files and the same version of Sphere");
      }
      return new Worker(held, load.get());
    } catch (Throwable t) {
      held.close();
      throw t;
    }
  }
}
