package dev.sphere.engine.run;

import dev.sphere.base.HeldFiles;
import dev.sphere.bindings.device.Arithmetic;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.eval.EvalIdentity;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.ImplicitPrm;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.engine.reward.ModelPrm;
import dev.sphere.engine.reward.OutcomePrm;
import dev.sphere.engine.reward.RandomPrm;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.PrmInfo;
import java.util.Locale;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Which process reward judges the steps, in the words of the command line.
 *
 * <ul>
 *   <li>{@code mc}: Monte Carlo rollouts of the policy; {@code random}, {@code outcome}: controls
 *   <li>{@code implicit:REF.gguf}: log-ratio of the policy and REF; {@code implicit:BETTER.gguf,REF.gguf}: of those two
 *   <li>{@code FILE.gguf}: a trained reward model, read as the file declares; {@code token:FILE} and {@code head:FILE}
 *       insist on the form; {@code math-shepherd:FILE} and {@code rlhflow:FILE} say how a file is read that declares
 *       nothing
 * </ul>
 *
 * @param kind those words
 * @param monteCarlo how {@code mc} rolls out
 * @param beta of the implicit reward
 */
public record RewardSettings(
    @Setting(name = "prm", def = "mc", label = "KIND", source = "our reading of the paper",
        help = "Process reward: mc (Monte Carlo); FILE.gguf, a trained one, read as it declares (token:, head:, "
            + "math-shepherd: and rlhflow: before it say how); implicit:REF.gguf, the log-ratio of policy and REF; or "
            + "the controls random and outcome.")
    String kind,
    @Nested MonteCarloPrm.Settings monteCarlo,
    @Setting(name = "prm_beta", def = "0.05", range = "(0, )", label = "B", needs = "prm=implicit:*",
        help = "β of the implicit reward.")
    double beta) {
  private static final List<String> FORMS = List.of("token", "head", "math-shepherd", "rlhflow");

  /** @throws IllegalArgumentException when there is no such kind, or no such file */
  public RewardSettings {
    switch (kind) {
      case "mc", "random", "outcome" -> { }
      default -> {
        List<Path> files = files(kind);
        if (files.isEmpty() || files.size() > (form(kind).equals("implicit") ? 2 : 1)) {
          throw new IllegalArgumentException("unknown process reward \"" + kind + "\"; there are mc (Monte Carlo "
              + "rollouts), random and outcome (controls), implicit:REF.gguf, and FILE.gguf, a trained reward model");
        }
        for (Path file : files) {
          if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException("process reward \"" + kind + "\": there is no file " + file
                + "; others are mc, random, outcome");
          }
        }
      }
    }
    SettingsTree.requireRanges(RewardSettings.class, kind, monteCarlo, beta);
  }

  /** With the implicit reward's usual beta. */
  public RewardSettings(String kind, MonteCarloPrm.Settings monteCarlo) {
    this(kind, monteCarlo, ImplicitPrm.BETA);
  }

  /**
   * True when the score of a step depends on the problem's known answer: what it selects proves nothing about skill.
   */
  public boolean knowsAnswers() {
    return kind.equals("mc") || kind.equals("outcome");
  }

  /** mc, random, outcome, implicit, token, head, math-shepherd, rlhflow, or empty: as the file declares. */
  String form() {
    return form(kind);
  }

  /** The models that it needs besides the policy: for {@code implicit} the better one first if there are two. */
  public List<Path> files() {
    return files(kind);
  }

  private static String form(String kind) {
    if (List.of("mc", "random", "outcome").contains(kind)) {
      return kind;
    }
    int colon = kind.indexOf(':');
    String word = colon < 0 ? "" : kind.substring(0, colon);
    return word.equals("implicit") || FORMS.contains(word) ? word : "";
  }

  private static List<Path> files(String kind) {
    String form = form(kind);
    if (form.equals(kind)) {
      return List.of();
    }
    String rest = form.isEmpty() ? kind : kind.substring(form.length() + 1);
    if (form.isEmpty() && !rest.endsWith(".gguf") && !Files.isRegularFile(Path.of(rest))) {
      return List.of();
    }
    List<Path> files = new ArrayList<>();
    for (String name : form.equals("implicit") ? rest.split(",") : new String[] {rest}) {
      files.add(ModelSource.EMBEDDED.contains(name)
          ? ModelSource.resolve(name) : Path.of(name));
    }
    return files;
  }

  /** SHA-256 of those models, separated by commas; none for the others. */
  public String sha256() {
    List<String> hashes = new ArrayList<>();
    for (Path path : files()) {
      try (GgufFile file = GgufFile.open(path)) {
        hashes.add(file.sha256());
      }
    }
    return hashes.isEmpty() ? "none" : String.join(",", hashes);
  }

  /** The files that it needs besides others, which may be null. */
  public List<Path> filesWith(Path... others) {
    List<Path> all = new ArrayList<>(Arrays.asList(others));
    all.addAll(files());
    return all;
  }

  /** Holds the files that it needs besides others, which may be null. */
  public HeldFiles hold(Path... others) {
    return new HeldFiles(filesWith(others));
  }

  /**
   * The identity of its judgements of a policy's solutions, as text by name.
   *
   * @param adapter null for none
   * @param set null where the problems stand elsewhere in the identity
   */
  public Map<String, String> judging(
      Path policy, Path adapter, ProblemSet set, Prompts prompts, SearchSettings search, long seed) {
    Map<String, String> made = EvalIdentity.of(policy, adapter, set, prompts);
    made.putAll(Provenance.builder().settings("prm", this).identity("prm.sha256", sha256()).settings("search", search)
        .identity("seed", seed).identity(Arithmetic.NAME, Arithmetic.here())
        .identity("activations", Precision.USUAL.identity()).build().identity());
    return made;
  }

  /**
   * Loads the models that it needs. The caller closes the result after the policies that it judges.
   *
   * @param outcome grades answers, for Monte Carlo and the control
   */
  public PrmFactory open(OutcomeReward outcome) {
    List<Path> files = files();
    return switch (form()) {
      case "mc" -> policy -> new MonteCarloPrm(policy, outcome, monteCarlo);
      case "random" -> policy -> new RandomPrm();
      case "outcome" -> policy -> new OutcomePrm(policy, outcome);
      case "implicit" -> new ImplicitPrm(files.size() == 1 ? null : Scorer.open(files.getFirst(), false),
          Scorer.open(files.getLast(), false), beta);
      default -> ModelPrm.open(files.getFirst(), info(form(), files.getFirst()),
          ModelDefaults.of(files.getFirst()).prompts());
    };
  }

  /**
   * Refuses a policy whose tokens the reward's models cannot read.
   *
   * @throws IllegalArgumentException when the reward is implicit and a vocabulary differs
   */
  public void requireReads(Path policy) {
    for (Path other : form().equals("implicit") ? files() : List.<Path>of()) {
      if (!Arrays.equals(vocabulary(policy), vocabulary(other))) {
        throw new IllegalArgumentException("the implicit reward compares two models token by token, but " + other
            + " has another vocabulary than the policy " + policy);
      }
    }
  }

  private static String[] vocabulary(Path model) {
    try (GgufFile file = GgufFile.open(model)) {
      return file.metadata().strings("tokenizer.ggml.tokens").orElse(null);
    }
  }

  /** How a file is to be read: as it declares, as its form was asked for, or as a known project's models are. */
  private static PrmInfo info(String asked, Path path) {
    try (GgufFile file = GgufFile.openModel(path)) {
      PrmInfo declared = PrmInfo.of(file).orElse(null);
      switch (asked) {
        case "math-shepherd" -> {
          return agree(path, declared, new PrmInfo(PrmInfo.Form.TOKEN, PrmInfo.Layout.PLAIN, token(file, "▁+"),
              token(file, "▁-"), token(file, "▁ки")));
        }
        case "rlhflow" -> {
          return agree(path, declared, new PrmInfo(PrmInfo.Form.TOKEN, PrmInfo.Layout.TURNS, token(file, "+"),
              token(file, "-"), PrmInfo.NONE));
        }
        default -> {
          if (declared == null) {
            throw new IllegalArgumentException(path + " declares no process reward (sphere.prm.form, see "
                + "docs/reference/file-formats.md) and has no reward head; if it is one, say which: "
                + "math-shepherd:FILE or rlhflow:FILE");
          }
          if (!asked.isEmpty() && !declared.form().name().equalsIgnoreCase(asked)) {
            throw new IllegalArgumentException("asked for a process reward of the form " + asked + ", but " + path
                + " declares the form " + declared.form().name().toLowerCase(Locale.ROOT));
          }
          return declared;
        }
      }
    }
  }

  private static PrmInfo agree(Path path, PrmInfo declared, PrmInfo asked) {
    if (declared != null && !declared.equals(asked)) {
      throw new IllegalArgumentException(path + " declares itself " + declared + ", which is not what was asked for: "
          + asked + "; give the file without a form");
    }
    return asked;
  }

  private static int token(GgufFile file, String piece) {
    String[] tokens = file.metadata().strings("tokenizer.ggml.tokens").orElse(new String[0]);
    int at = Arrays.asList(tokens).indexOf(piece);
    if (at < 0) {
      throw new IllegalArgumentException(file.path() + ": its vocabulary has no token " + piece
          + ", so it is no model of that kind");
    }
    return at;
  }
}
