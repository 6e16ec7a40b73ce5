package dev.sphere.engine.run;

import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.engine.reward.ImplicitPrm;
import dev.sphere.engine.reward.ModelPrm;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.reward.OutcomePrm;
import dev.sphere.engine.reward.RandomPrm;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.PrmInfo;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongSupplier;

/** A process reward whose models are loaded. Thread-safe; close is idempotent. */
public final class OpenPrm implements AutoCloseable {
  private final PrmSpec spec;
  private final PrmFactory factory;
  private final LongSupplier tokens;
  private final int passes;
  private final Runnable forget;
  private final Runnable close;

  private OpenPrm(
      PrmSpec spec, PrmFactory factory, LongSupplier tokens, int passes, Runnable forget, Runnable close) {
    this.passes = passes;
    this.forget = forget;
    this.spec = spec;
    this.factory = factory;
    this.tokens = tokens;
    this.close = close;
  }

  static OpenPrm open(PrmSpec spec, OutcomeReward outcome) {
    List<Path> files = spec.files();
    switch (spec.form()) {
      case "mc" -> {
        return plain(spec, policy -> new MonteCarloPrm(policy, outcome, spec.monteCarlo()));
      }
      case "random" -> {
        return plain(spec, policy -> new RandomPrm());
      }
      case "outcome" -> {
        return plain(spec, policy -> new OutcomePrm(policy, outcome));
      }
      case "implicit" -> {
        Scorer trained = files.size() == 1 ? null : Scorer.open(files.getFirst(), false);
        ImplicitPrm prm = new ImplicitPrm(trained, Scorer.open(files.getLast(), false), spec.beta());
        return new OpenPrm(spec, prm, prm::tokens, files.size(), prm::forget, prm::close);
      }
      default -> {
        Path file = files.getFirst();
        ModelPrm prm = ModelPrm.open(file, info(spec.form(), file), ModelDefaults.of(file).prompts());
        return new OpenPrm(spec, prm, prm::tokens, 1, prm::forget, prm::close);
      }
    }
  }

  private static OpenPrm plain(PrmSpec spec, PrmFactory factory) {
    return new OpenPrm(spec, factory, () -> 0, 0, () -> { }, () -> { });
  }

  /** How a file is to be read: as it declares, as its form was asked for, or as a known project's models are. */
  static PrmInfo info(String asked, Path path) {
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
            throw new IllegalArgumentException(path + " declares no process reward (sphere.prm.form, see docs/reference/file-formats.md)"
                + " and has no reward head; if it is one, say which: math-shepherd:FILE or rlhflow:FILE");
          }
          if (!asked.isEmpty() && !declared.form().name().equalsIgnoreCase(asked)) {
            throw new IllegalArgumentException("asked for a process reward of the form " + asked + ", but " + path
                + " declares the form " + declared.form().name().toLowerCase(java.util.Locale.ROOT));
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

  /** The score of the steps of a policy of this file. Refuses what cannot read its tokens. */
  public PrmFactory factory(Path policyFile) {
    if (spec.form().equals("implicit")) {
      for (Path file : spec.files()) {
        requireSameVocabulary(policyFile, file);
      }
    }
    return factory;
  }

  private static void requireSameVocabulary(Path policy, Path other) {
    try (GgufFile a = GgufFile.open(policy);
        GgufFile b = GgufFile.open(other)) {
      String key = "tokenizer.ggml.tokens";
      if (!Arrays.equals(a.metadata().strings(key).orElse(null), b.metadata().strings(key).orElse(null))) {
        throw new IllegalArgumentException("the implicit reward compares two models token by token, but " + other
            + " has another vocabulary than the policy " + policy);
      }
    }
  }

  /** Tokens that reward models computed so far; rollouts are the policy's. */
  public long tokens() {
    return tokens.getAsLong();
  }

  /** How many models read a step to score it; 0 where rollouts of the policy or nothing does. */
  public int passes() {
    return passes;
  }

  /** Forgets the scores that are known, so that another measurement pays for its own. */
  public void forget() {
    forget.run();
  }

  @Override
  public void close() {
    close.run();
  }
}
