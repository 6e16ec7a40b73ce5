package dev.sphere.bindings.llama;

import dev.sphere.bindings.kernel.Draws;
import dev.sphere.bindings.tensor.Backend;
import dev.sphere.bindings.tensor.Graph;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Run in a JVM of its own by LeakTest: opens, uses and closes everything again and again, and prints the process's
 * resident memory, in KiB, after the warm-up and at the end.
 *
 * <p>Arguments: a folder for the model, cycles of warm-up, cycles, "leak" to forget one context in each cycle.
 */
final class LeakProbe {
  private LeakProbe() {}

  public static void main(String[] args) throws Exception {
    Path model = Path.of(args[0], "tiny.gguf");
    RandomModel.write(RandomModel.like("tiny-llama"), ByteVocabulary.metadata(), GgmlType.F32, 1, model);
    Path broken = Path.of(args[0], "broken.gguf");
    Files.write(broken, java.util.Arrays.copyOf(Files.readAllBytes(model), 5000));
    boolean leak = args.length > 3 && args[3].equals("leak");
    run(model, broken, Integer.parseInt(args[1]), leak);
    System.out.println(residentKib());
    run(model, broken, Integer.parseInt(args[2]), leak);
    System.out.println(residentKib());
    System.exit(0);
  }

  private static void run(Path file, Path broken, int cycles, boolean leak) {
    for (int cycle = 0; cycle < cycles; cycle++) {
      try (Model model = Model.load(file)) {
        Context context = Context.open(model, ContextOptions.invariant(512, 4, 1));
        try (Batch batch = new Batch(8);
            Draws draws = new Draws(1)) {
          for (int i = 0; i < 8; i++) {
            batch.add(65 + i, i, 0, i == 7);
          }
          context.decode(batch);
          draws.add(0, 1, 2, 3, 4, 5, 1, 0, 1, 0);
          draws.sample(context.logits(), model.vocabulary().size(), 1);
          if (TreeDecoder.supports(model, null, context.options())) {
            try (Decoder decoder = TreeDecoder.open(model, context.options())) {
              decoder.decode(batch);
            }
          }
        }
        try (Adapter adapter = Adapter.load(model, file)) {
          throw new AssertionError("a model was loaded as an adapter: " + adapter);
        } catch (RuntimeException expected) {
          // nothing of it may stay
        }
        if (!leak) {
          context.close();
        }
        model.vocabulary().tokenize("2 + 2 = 4", false, false);
      }
      try (Model model = Model.load(broken)) {
        throw new AssertionError("a cut file was loaded: " + model);
      } catch (RuntimeException expected) {
        // nothing of it may stay
      }
      try (Backend backend = Backend.cpu(1);
          Graph graph = new Graph(backend, 16)) {
        Tensor a = graph.input(TensorType.F32, 256, 64);
        graph.keep(graph.mulMat(a, graph.input(TensorType.F32, 256, 64)));
        graph.allocate();
      }
    }
  }

  private static long residentKib() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
        .findFirst()
        .orElseThrow();
  }
}
