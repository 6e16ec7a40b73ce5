package dev.sphere.gguf;

import dev.sphere.bindings.llama.Adapter;
import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.Vocabulary;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Loads files into llama.cpp and uses them, in a JVM of its own; says of each when it begins and how it ended. */
final class NativeSurvival {
  private static final String TEXT = "ab 12\n\0<0x0A> é▁🙂 <|im_start|>[EMPTY_7]  x\u00AD";

  private NativeSurvival() {}

  /** Runs {@link #main} on the files and returns the process's exit status: 0 when it came to its end. */
  static int run(Path base, List<Path> files, Path log) throws IOException, InterruptedException {
    Path list = log.resolveSibling("list.txt");
    Files.write(list, files.stream().map(Path::toString).toList());
    Process process = new ProcessBuilder(
        ProcessHandle.current().info().command().orElseThrow(), "--enable-native-access=ALL-UNNAMED", "-Xmx512m",
        "-XX:-CreateCoredumpOnCrash", "-XX:ErrorFile=" + log.resolveSibling("hs_err.log"),
        "-cp", System.getProperty("java.class.path"), NativeSurvival.class.getName(), base.toString(), list.toString())
        .redirectOutput(log.toFile()).redirectError(log.resolveSibling("err.txt").toFile()).start();
    return process.waitFor();
  }

  public static void main(String[] args) throws IOException {
    PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), true);
    try (Model base = Model.load(Path.of(args[0]))) {
      for (String file : Files.readAllLines(Path.of(args[1]))) {
        out.println("BEGIN " + file);
        String result;
        try {
          result = Path.of(file).getFileName().toString().startsWith("model") ? model(Path.of(file))
              : adapter(base, Path.of(file));
        } catch (RuntimeException e) {
          result = e.toString().replace('\n', ' ');
        }
        out.println("END " + file + " " + result);
      }
    }
  }

  private static String model(Path path) {
    try (Model model = Model.load(path)) {
      return use(model, List.of());
    }
  }

  private static String adapter(Model base, Path path) {
    try (Adapter adapter = Adapter.load(base, path)) {
      return use(base, List.of(adapter));
    }
  }

  private static String use(Model model, List<Adapter> adapters) {
    Vocabulary vocabulary = model.vocabulary();
    List<Integer> tokens = new ArrayList<>();
    for (boolean flag : new boolean[] {true, false}) {
      for (int token : vocabulary.tokenize(TEXT, flag, flag)) {
        tokens.add(token);
      }
    }
    long bytes = 0;
    for (int token = 0; token < vocabulary.size(); token++) {
      bytes += vocabulary.bytes(token).length + vocabulary.name(token).getBytes(StandardCharsets.UTF_8).length;
    }
    try (Context context = Context.open(model, ContextOptions.invariant(256, 2, 1)); Batch batch = new Batch(32)) {
      context.useAdapters(adapters);
      for (int i = 0; i < 32; i++) {
        batch.add(i < tokens.size() ? tokens.get(i) : vocabulary.size() - 1, i, 0, true);
      }
      context.decode(batch);
      return "computed " + context.logits().size() + " logits, " + bytes + " bytes of text";
    }
  }
}
