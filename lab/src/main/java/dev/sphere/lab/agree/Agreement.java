package dev.sphere.lab.agree;

import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.data.JsonText;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import tools.jackson.databind.SerializationFeature;

/**
 * Holds Sphere against llama.cpp, with any GGUF: 50 prompts of several kinds and lengths, 64 greedy tokens each, and
 * the log-probability of every token.
 *
 * <pre>lab/java dev.sphere.lab.agree.Agreement MODEL.gguf OUT.json [EVERY [TOKENS]]</pre>
 *
 * <p>EVERY 5 takes every fifth prompt, for a first look.
 *
 * <p>Two references, both by libllama without any kernel of Sphere's: {@code llama}, the file as llama.cpp computes
 * it (quantised weights with activations in 8 bits, BF16 and F16 weights with activations of their own type, a cache
 * in F16), and {@code exact}, a copy of the file with all weights in F32, computed with activations and cache in F32.
 * The copy is written beside OUT.json and deleted in the end; it takes 4 bytes a parameter, on the disk and in
 * memory.
 *
 * <p>What must hold, else the exit status is 1:
 *
 * <ul>
 *   <li>With {@code f32} Sphere rounds nothing but the cache (to F16): its tokens are those of {@code exact}, but
 *       where two tokens are as likely within {@link #TIE} nats; so are its log-probabilities, within {@link #MEAN}
 *       in the mean and {@link #MOST} at most.
 *   <li>{@code bf16}, {@code int16} and {@code int8} round activations, as llama.cpp does. Two ways of rounding agree
 *       no better with each other than each does with the exact result, so equal tokens cannot be asked for. What
 *       llama.cpp itself is away from {@code exact} is the measure: root mean square ({@link #MORE} times), largest
 *       difference ({@link #LARGEST} times), and how unlikely {@code exact} may find a token that was chosen
 *       otherwise ({@link #SPREAD} times the root mean square).
 *   <li>With weights in F32 all of Sphere's ways are one, to the bit.
 *   <li>Generations that share a prompt's cells in a batch are equal to the bit, and the scorer gives the bits that the
 *       rollout engine recorded (where Sphere's kernels compute, see docs/explanation/exactness.md).
 * </ul>
 */
public final class Agreement {
  static final int TOKENS = 64;
  /** Two tokens whose log-probabilities are as near as this, in nats, are a tie for {@code f32}. */
  static final double TIE = 0.05;
  static final double MEAN = 0.005;
  static final double MOST = 0.1;
  static final double MORE = 1.25;
  static final double LARGEST = 3;
  static final double SPREAD = 10;

  /** A prompt's first token that came out otherwise; gap: how much likelier the reference finds its own, in nats. */
  record Apart(int prompt, String kind, int position, String token, String other, double gap) {}

  /**
   * A way of computing held against a reference.
   *
   * @param equal prompts with all tokens equal
   * @param apart where the other prompts' first different token stands
   * @param compared log-probabilities of tokens that both have: the prompts', and the generated ones before the first
   *     that is another
   * @param mean absolute difference of these, in nats
   * @param rms root of the mean square
   * @param max the largest
   */
  record Comparison(
      String of, String with, int equal, List<Apart> apart, long compared, double mean, double rms, double max) {
    double largestGap() {
      return apart.stream().mapToDouble(Apart::gap).max().orElse(0);
    }
  }

  record Check(String what, boolean holds, String figures) {}

  record Report(String model, String sha256, String weights, String kernels, int prompts, int promptTokens, int tokens,
      List<Comparison> comparisons, List<Check> checks) {
    boolean agrees() {
      return checks.stream().allMatch(Check::holds);
    }

    Comparison comparison(String of, String with) {
      return comparisons.stream().filter(c -> c.of.equals(of) && c.with.equals(with)).findFirst().orElseThrow();
    }
  }

  private final Path model;
  private final List<PromptFile.Prompt> prompts;
  private final int tokens;
  private final List<Comparison> comparisons = new ArrayList<>();
  private final List<Check> checks = new ArrayList<>();
  private List<int[]> starts;

  private Agreement(Path model, List<PromptFile.Prompt> prompts, int tokens) {
    this.model = model;
    this.prompts = prompts;
    this.tokens = tokens;
  }

  public static void main(String[] args) throws Exception {
    if (args.length < 2 || args.length > 4) {
      System.err.println("lab/java dev.sphere.lab.agree.Agreement MODEL.gguf OUT.json [EVERY [TOKENS]]");
      System.exit(2);
    }
    Path out = Path.of(args[1]).toAbsolutePath();
    int every = args.length > 2 ? Integer.parseInt(args[2]) : 1;
    int tokens = args.length > 3 ? Integer.parseInt(args[3]) : TOKENS;
    List<PromptFile.Prompt> all = PromptFile.read();
    List<PromptFile.Prompt> some =
        IntStream.range(0, all.size()).filter(i -> i % every == 0).mapToObj(all::get).toList();
    Report report = run(ModelSource.resolve(args[0]), some, tokens, out.getParent());
    Files.write(out, JsonText.MAPPER.writer().with(SerializationFeature.INDENT_OUTPUT).writeValueAsBytes(report));
    print(report);
    System.exit(report.agrees() ? 0 : 1);
  }

  /**
   * Compares.
   *
   * @param tokens greedy tokens of each prompt
   * @param folder where the copy in F32 is written, and deleted
   */
  static Report run(Path model, List<PromptFile.Prompt> prompts, int tokens, Path folder)
      throws InterruptedException, IOException {
    return new Agreement(model, prompts, tokens).run(folder);
  }

  private Report run(Path folder) throws InterruptedException, IOException {
    boolean own = AttentionKernel.oneRow() && Device.current().computesOnCores();
    starts = SphereSide.tokens(model, prompts, tokens);
    List<DecodedRun> sphere = new ArrayList<>();
    Set<Activations> kinds = own ? EnumSet.complementOf(EnumSet.of(Activations.AUTO)) : EnumSet.of(Activations.current());
    for (Activations each : kinds) {
      SphereSide.Result result = SphereSide.compute(model, each, starts, tokens);
      sphere.add(result.decoded());
      if (own && each != Activations.INT8) { // rare types are left to ggml then, whose sums depend on the batch
        check(result.decoded().name() + ": generations that share cells are equal to the bit", result.twins() == 0,
            result.twins() + " prompts are not");
        check(result.decoded().name() + ": the scorer gives what the rollout engine recorded", result.recorded() == 0,
            "largest difference " + result.recorded());
      }
    }
    try (GgufFile file = GgufFile.openModel(model)) {
      Map<String, Long> types = file.tensors().values().stream()
          .collect(Collectors.groupingBy(t -> t.type().label(), TreeMap::new, Collectors.counting()));
      DecodedRun llama = reference("llama", model, false, sphere);
      List<DecodedRun> all = new ArrayList<>(sphere);
      all.add(llama);
      boolean wide = types.keySet().equals(Set.of(GgmlType.F32.label()));
      Path copy = wide ? model : folder.resolve(".agreement-f32-" + ProcessHandle.current().pid() + ".gguf");
      try {
        if (!wide) {
          widen(file, copy);
        }
        reference("exact", copy, true, all);
      } finally {
        if (!wide) {
          Files.deleteIfExists(copy);
        }
      }
      judge(sphere, own, wide);
      String kernels = own ? "libsphere" : AttentionKernel.installed() ? "libsphere's attention, ggml's products" : "ggml";
      return new Report(model.getFileName().toString(), file.sha256(), types.toString(), kernels, prompts.size(),
          starts.stream().mapToInt(s -> s.length).sum(), tokens, comparisons, checks);
    }
  }

  /** A copy with every tensor in F32. */
  private static void widen(GgufFile file, Path copy) {
    GgufWriter writer = new GgufWriter().putAll(file.metadata())
        .put("general.file_type", GgufValue.u32(GgmlType.F32.fileType()));
    for (GgufTensor tensor : file.tensors().values()) {
      writer.tensor(tensor.name(), GgmlType.F32, tensor.shape(), out -> {
        int columns = Math.toIntExact(tensor.rowLength());
        float[] row = new float[columns];
        for (long at = 0; at < tensor.elements(); at += columns) {
          file.readFloats(tensor, at, row, columns);
          out.floats(row, 0, columns);
        }
      });
    }
    writer.write(copy);
  }

  private DecodedRun reference(String name, Path file, boolean exact, List<DecodedRun> others) {
    List<List<PlainLlama.Divergence>> found = new ArrayList<>();
    others.forEach(o -> found.add(new ArrayList<>()));
    DecodedRun decoded = PlainLlama.decode(name, file, exact, starts, tokens, others, found);
    try (Model vocabulary = Model.loadVocabulary(file)) {
      for (int k = 0; k < others.size(); k++) {
        List<Apart> apart = found.get(k).stream().map(d -> new Apart(d.prompt(), prompts.get(d.prompt()).kind(),
            d.position(), vocabulary.vocabulary().name(d.token()), vocabulary.vocabulary().name(d.other()), d.gap())).toList();
        comparisons.add(compare(others.get(k), decoded, apart));
      }
    }
    return decoded;
  }

  private Comparison compare(DecodedRun of, DecodedRun with, List<Apart> apart) {
    int[] until = starts.stream().mapToInt(s -> s.length - 1 + tokens).toArray();
    apart.forEach(a -> until[a.prompt()] = starts.get(a.prompt()).length - 1 + a.position());
    long n = 0;
    double sum = 0;
    double squares = 0;
    double max = 0;
    for (int p = 0; p < until.length; p++) {
      for (int i = 0; i < until[p]; i++) {
        double difference = Math.abs(of.logProbs().get(p)[i] - with.logProbs().get(p)[i]);
        n++;
        sum += difference;
        squares += difference * difference;
        max = Math.max(max, difference);
      }
    }
    return new Comparison(
        of.name(), with.name(), until.length - apart.size(), apart, n, sum / n, Math.sqrt(squares / n), max);
  }

  private void judge(List<DecodedRun> sphere, boolean own, boolean wide) {
    for (DecodedRun decoded : sphere) {
      Comparison c = of(decoded.name());
      checks.add(own && (wide || decoded.name().equals("f32")) ? exact(c) : asNear(c, of("llama")));
      if (own && wide && decoded != sphere.getFirst()) {
        check(decoded.name() + ": with weights in F32 all ways are one", same(decoded, sphere.getFirst()), "to the bit");
      }
    }
  }

  /** For what rounds nothing but the cache. */
  static Check exact(Comparison c) {
    return new Check(c.of + ": tokens and log-probabilities are the exact ones",
        c.mean <= MEAN && c.max <= MOST && c.largestGap() <= TIE, figures(c));
  }

  /** For what rounds activations, beside llama.cpp's own way of doing so. */
  static Check asNear(Comparison c, Comparison llama) {
    boolean near = c.rms <= MORE * llama.rms + MEAN && c.max <= LARGEST * llama.max + MOST
        && c.largestGap() <= SPREAD * llama.rms + TIE;
    return new Check(c.of + ": no further from the exact result than llama.cpp", near,
        figures(c) + String.format(Locale.ROOT, ", rms %.4f; llama.cpp's: %s, rms %.4f", c.rms, figures(llama), llama.rms));
  }

  private static String figures(Comparison c) {
    return String.format(Locale.ROOT, "mean %.5f, largest %.4f, largest gap %.4f", c.mean, c.max, c.largestGap());
  }

  private static boolean same(DecodedRun a, DecodedRun b) {
    boolean same = true;
    for (int i = 0; i < a.generated().size(); i++) {
      same &= Arrays.equals(a.generated().get(i), b.generated().get(i))
          && Arrays.equals(a.logProbs().get(i), b.logProbs().get(i));
    }
    return same;
  }

  private Comparison of(String name) {
    return comparisons.stream().filter(c -> c.of.equals(name) && c.with.equals("exact")).findFirst().orElseThrow();
  }

  private void check(String what, boolean holds, String figures) {
    checks.add(new Check(what, holds, figures));
  }

  private static void print(Report r) {
    System.out.printf(Locale.ROOT, "%s, weights %s, computed by %s%n%d prompts of %d tokens in all, %d greedy tokens each%n%n",
        r.model, r.weights, r.kernels, r.prompts, r.promptTokens, r.tokens);
    System.out.printf("%-6s %-6s %13s %13s %11s %10s %10s %10s%n",
        "of", "with", "prompts equal", "largest gap", "log-probs", "mean", "rms", "largest");
    for (Comparison c : r.comparisons) {
      System.out.printf(Locale.ROOT, "%-6s %-6s %13d %13.4f %11d %10.5f %10.5f %10.4f%n",
          c.of, c.with, c.equal, c.largestGap(), c.compared, c.mean, c.rms, c.max);
    }
    System.out.println();
    for (Check c : r.checks) {
      System.out.println((c.holds ? "holds: " : "DOES NOT HOLD: ") + c.what + " (" + c.figures + ")");
    }
  }
}
