package dev.sphere.bindings.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class BackendTest {
  private static final String NAME = "team-of-three"; // threads of C are called what their maker is called

  @Test
  @EnabledOnOs(OS.LINUX)
  void closingEndsTheThreadsThatComputed() throws Exception {
    FutureTask<List<Long>> work = new FutureTask<>(() -> {
      long during;
      try (Backend backend = Backend.cpu(3);
          Graph graph = new Graph(backend, 8)) {
        Tensor x = graph.input(TensorType.F32, 32, 4);
        graph.keep(graph.mulMat(x, x));
        graph.allocate();
        graph.compute();
        during = threads();
      }
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
      while (threads() > 1 && System.nanoTime() < end) { // they are told to end, and do so by themselves
        Thread.sleep(1);
      }
      return List.of(during, threads());
    });
    new Thread(work, NAME).start();
    assertEquals(List.of(3L, 1L), work.get());
  }

  private static long threads() {
    try (Stream<Path> all = Files.list(Path.of("/proc/self/task"))) {
      return all.filter(t -> NAME.equals(nameOf(t))).count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Null when the thread has ended meanwhile. */
  private static String nameOf(Path task) {
    try {
      return Files.readString(task.resolve("comm")).strip();
    } catch (IOException e) {
      return null;
    }
  }
}
