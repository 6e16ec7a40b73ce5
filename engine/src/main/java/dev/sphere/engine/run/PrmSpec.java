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
import dev.sphere.gguf.model.GgufFile;
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
public record PrmSpec(
    @Setting(name = "prm", def = "mc", label = "KIND", top = true, source = "our reading of the paper",
        help = "Process reward: mc (Monte Carlo); FILE.gguf, a trained one, read as it declares (token:, head:, "
            + "math-shepherd: and rlhflow: before it say how); implicit:REF.gguf, the log-ratio of policy and REF; or the "
            + "controls random and outcome.")
    String kind,
    @Nested MonteCarloPrm.Settings monteCarlo,
    @Setting(name = "prm_beta", def = "0.05", range = "(0, )", label = "B", needs = "prm=implicit:*",
        help = "β of the implicit reward.")
    double beta) {
  private static final List<String> FORMS = List.of("token", "head", "math-shepherd", "rlhflow");

  /** @throws IllegalArgumentException when there is no such kind, or no such file */
  public PrmSpec {
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
    SettingsTree.requireRanges(PrmSpec.class, kind, monteCarlo, beta);
  }

  /** With the implicit reward's usual beta. */
  public PrmSpec(String kind, MonteCarloPrm.Settings monteCarlo) {
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
   * What its judgements of a policy's solutions are made from, as text by name.
   *
   * @param adapter null for none
   * @param set null where the problems are told otherwise
   */
  public Map<String, String> judging(
      Path policy, Path adapter, ProblemSet set, Prompts prompts, SearchSettings search, long seed) {
    Map<String, String> made = EvalIdentity.of(policy, adapter, set, prompts);
    made.putAll(Provenance.builder().settings("prm", this).identity("prm.sha256", sha256()).settings("search", search)
        .identity("seed", seed).identity(Arithmetic.NAME, Arithmetic.here())
        .identity("activations", Precision.USUAL.identity()).build().identity());
    return made;
  }

  /** Loads what it needs. The caller closes the result after the policies that it judges. */
  public OpenPrm open(OutcomeReward outcome) {
    return OpenPrm.open(this, outcome);
  }
}
