package dev.sphere.engine.eval;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.Problem;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.gguf.model.GgufFile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** The identity of an evaluation's answers, as text by name: equal entries mean equal answers. */
public final class EvalIdentity {
  private EvalIdentity() {}

  /** The identity of an evaluation; {@code adapter} may be null, and {@code set} where the problems do not matter. */
  public static Map<String, String> of(
      Path model, Path adapter, ProblemSet set, Prompts prompts, EvalSettings settings) {
    Map<String, String> m = of(model, adapter, set, prompts);
    m.put("greedy", String.valueOf(settings.greedy()));
    m.put("samples", String.valueOf(settings.samples()));
    if (settings.samples() > 0) {
      m.put("sampling", "temperature " + settings.sampling().temperature() + ", top-p " + settings.sampling().topP()
          + ", top-k " + settings.sampling().topK() + ", min-p " + settings.sampling().minP());
      m.put("seed", String.valueOf(settings.seed()));
    }
    m.put("most tokens", String.valueOf(settings.sampling().maxTokens()));
    if (!settings.stop().isEmpty()) {
      m.put("ended by", settings.stop().toString());
    }
    return m;
  }

  /** The part of the identity that names model, problems and prompts. */
  public static Map<String, String> of(Path model, Path adapter, ProblemSet set, Prompts prompts) {
    Map<String, String> m = new LinkedHashMap<>();
    m.put("model", model.getFileName() + " " + sha256(model));
    m.put("adapter", adapter == null ? "none" : adapter.getFileName() + " " + sha256(adapter));
    if (set != null) {
      m.put("problems", String.format(Locale.ROOT, "%s, %d, %016x", set.source(), set.problems().size(), hash(set)));
    }
    m.put("system turn", prompts.system());
    m.put("user turn", prompts.question());
    m.put("template", prompts.template().isEmpty() ? "the model's own" : prompts.template());
    return m;
  }

  private static long hash(ProblemSet set) {
    long h = 0;
    for (Problem p : set.problems()) {
      h = SplitMix.mix(h + SplitMix.hash(p.id()))
          + SplitMix.mix(SplitMix.hash(p.question()) + 31 * SplitMix.hash(p.answer()));
    }
    return h;
  }

  private static String sha256(Path gguf) {
    try (GgufFile file = GgufFile.open(gguf)) {
      return file.sha256();
    }
  }
}
