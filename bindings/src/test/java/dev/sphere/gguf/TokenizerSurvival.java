package dev.sphere.gguf;

import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Tokenizes texts with vocabularies, in JVMs of their own: a job is a line "file text length", its outcome a line too.
 * A job whose JVM ends before its time has died; the jobs after it go on in the next JVM.
 */
final class TokenizerSurvival {
  /** The outcome of a job that ended its process. */
  static final String DIED = "DIED";
  /** Stands for a text that has a bit of everything. */
  static final String MEDLEY = "medley";

  /** A job that takes more processor time counts as dead: some of llama.cpp's tokenizers don't come to an end. */
  private static final int SECONDS = 60;

  private static final Map<String, String> UNITS = new LinkedHashMap<>();

  static {
    String[] units = {"letters", "A", "lower", "a", "digits", "7", "spaces", " ", "tabs", "\t", "newlines", "\n",
        "returns", "\r\n", "punctuation", "!", "symbols", "$", "Greek", "ß", "Han", "中", "Hangul", "가", "emoji", "🙂",
        "marks", "\u0301", "accents", "a\u0301", "cases", "aB", "words", "Ab", "zeros", "\0", "controls", "\1",
        "wide spaces", "\u3000", "no-break", "\u00A0", "lone high", "\uD83D", "lone low", "\uDE42", "slashes", "\n/",
        "lines", "!\n", "space letter", " a", "letter space", "a ", "digit letter", "1a", "clitics", "'s",
        "space line", " \n", "escape", "\u2581", "special", "<|im_end|>", "noncharacters", "\uFFFF", "brackets", "<"};
    for (int i = 0; i < units.length; i += 2) {
      UNITS.put(units[i], units[i + 1]);
      UNITS.put(units[i] + " then Han", units[i + 1]);
    }
    UNITS.put(MEDLEY, "");
  }

  private TokenizerSurvival() {}

  static List<String> texts() {
    return List.copyOf(UNITS.keySet());
  }

  static String text(String name, int length) {
    if (name.equals(MEDLEY)) {
      return "ab 12\n\n\0<0x0A> é▁🙂 <|im_start|>[EMPTY_7]  x\u00AD</s><unk>\uD83D <|end|>\t";
    }
    String unit = UNITS.get(name);
    String run = unit.repeat(Math.max(1, length / unit.length()));
    return name.endsWith(" then Han") ? run + "中" : run;
  }

  /** The outcome of each job, in their order. */
  static List<String> run(List<String> jobs, Path dir) throws IOException, InterruptedException {
    List<String> outcomes = new ArrayList<>();
    Path list = dir.resolve("jobs.txt");
    Path log = dir.resolve("outcomes.txt");
    while (outcomes.size() < jobs.size()) {
      Files.write(list, jobs.subList(outcomes.size(), jobs.size()));
      Process process = new ProcessBuilder(
          ProcessHandle.current().info().command().orElseThrow(), "--enable-native-access=ALL-UNNAMED", "-Xmx1g",
          "-XX:TieredStopAtLevel=1", "-XX:-CreateCoredumpOnCrash", "-XX:ErrorFile=" + dir.resolve("hs_err.log"),
          "-cp", System.getProperty("java.class.path"), TokenizerSurvival.class.getName(), list.toString())
          .redirectOutput(log.toFile()).redirectError(dir.resolve("err.txt").toFile()).start();
      int status = process.waitFor();
      List<String> lines = Files.readAllLines(log);
      if (lines.isEmpty() && status != 0) {
        throw new IllegalStateException("nothing was done: " + Files.readString(dir.resolve("err.txt")));
      }
      outcomes.addAll(lines.stream().filter(line -> line.startsWith("END ")).map(line -> line.substring(4)).toList());
      if (status != 0) {
        outcomes.add(DIED + " with status " + status);
      }
    }
    return outcomes;
  }

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), true);
    int number = 0;
    for (String job : Files.readAllLines(Path.of(args[0]))) {
      String[] parts = job.split("\t");
      out.println("BEGIN " + job);
      Thread watch = Thread.ofPlatform().daemon().start(() -> endAfter(SECONDS));
      AtomicReference<String> outcome = new AtomicReference<>();
      Runnable task = () -> outcome.set(outcome(Path.of(parts[0]), parts[1], Integer.parseInt(parts[2])));
      // From threads as Sphere's: the main one, virtual ones, and ones with the smallest stack.
      switch (number++ % 3) {
        case 0 -> task.run();
        case 1 -> Thread.startVirtualThread(task).join();
        default -> {
          Thread small = new Thread(null, task, "small stack", 1);
          small.start();
          small.join();
        }
      }
      watch.interrupt();
      out.println("END " + outcome.get());
    }
    Runtime.getRuntime().halt(0);
  }

  private static void endAfter(int seconds) {
    try {
      Duration end = processorTime().plusSeconds(seconds);
      while (processorTime().compareTo(end) < 0) {
        Thread.sleep(500);
      }
      Runtime.getRuntime().halt(99);
    } catch (InterruptedException e) {
      return; // the job is done
    }
  }

  private static Duration processorTime() {
    return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO);
  }

  private static String outcome(Path path, String name, int length) {
    try {
      return use(path, name, length);
    } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
      return "refused " + e.toString().replaceAll("\\s", " ");
    }
  }

  private static String use(Path path, String name, int length) {
    if (name.equals(MEDLEY)) {
      GgufFile.open(path).close();
      if (path.toString().endsWith(".model.gguf")) {
        try (Model model = Model.load(path)) {
          return everything(model);
        }
      }
    }
    try (Model model = Model.loadVocabulary(path)) {
      if (name.equals(MEDLEY)) {
        return everything(model);
      }
      String text = text(name, length);
      int[] tokens = model.vocabulary().tokenize(text, true, true);
      boolean same = new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8)
          .equals(model.vocabulary().detokenize(tokens));
      return (same ? "same " : "other ") + tokens.length;
    }
  }

  /** All that is asked of a vocabulary anywhere. */
  private static String everything(Model model) {
    Vocabulary v = model.vocabulary();
    long sum = 0;
    for (int flags = 0; flags < 4; flags++) {
      for (String text : List.of(text(MEDLEY, 0), "", "\n", " ", "\n\n", "<s>".repeat(50), "A".repeat(5000))) {
        int[] tokens = v.tokenize(text, (flags & 1) != 0, (flags & 2) != 0);
        sum += tokens.length + v.detokenize(tokens).length();
      }
    }
    for (int token = 0; token < v.size(); token++) {
      sum += v.bytes(token).length + v.name(token).length() + (v.isControl(token) ? 1 : 0)
          + (v.isEndOfGeneration(token) ? 1 : 0);
    }
    for (int token : new int[] {v.start(), v.end(), v.endOfTurn()}) {
      sum += token == Vocabulary.NONE ? 0 : v.name(token).length();
    }
    sum += (v.addsStart() ? 1 : 0) + (v.addsEnd() ? 1 : 0);
    String template = model.chatTemplate().orElse(null);
    return "used " + sum + (template == null ? "" : " with a template of " + template.length());
  }
}
