package dev.sphere.engine.eval;

import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.List;

/**
 * Settings of an evaluation: the answers that are generated for each problem.
 *
 * @param greedy true generates one greedy answer (pass@1)
 * @param samples sampled answers for mean@k, pass@k and maj@k; 0 for none
 * @param sampling how samples are drawn; its maxTokens also bounds the greedy answer
 * @param seed of the samples
 * @param inFlight problems that are asked for at once; changes speed alone
 * @param stop texts that end an answer and are no part of it, such as "Question:"; usually none
 */
@RecordBuilder
public record EvalSettings(
    @Setting(def = "true", help = "One greedy answer a problem.")
    boolean greedy,
    @Setting(def = "0", range = "[0, 10000]", label = "K",
        help = "Sampled answers a problem, for mean@k, pass@k and maj@k.")
    int samples,
    @Nested(rename = "max_tokens", to = @Setting(name = "max_tokens", range = "[1, )", label = "N", unit = "tokens",
        shown = "1024; embedded models: 256", help = "Most tokens of an answer."))
    SamplingSettings sampling,
    @Setting(def = "1", label = "N", help = "Seed of the samples.")
    long seed,
    int inFlight,
    @Setting(whole = true, def = "", label = "TEXT", shown = "none; with worked examples what stands before {question}",
        help = "A text that ends an answer and is no part of it.")
    List<String> stop) implements EvalSettingsBuilder.With {
  public EvalSettings {
    if (samples < 0 || !greedy && samples == 0) {
      throw new IllegalArgumentException("nothing to evaluate: no greedy answer and " + samples + " samples");
    }
    if (inFlight < 1) {
      throw new IllegalArgumentException("at least one problem must be in flight: " + inFlight);
    }
    stop = List.copyOf(stop);
    if (stop.stream().anyMatch(String::isEmpty)) {
      throw new IllegalArgumentException("a text that ends an answer must not be empty");
    }
  }

  /** Answers that only the end token or a limit ends. */
  public EvalSettings(boolean greedy, int samples, SamplingSettings sampling, long seed, int inFlight) {
    this(greedy, samples, sampling, seed, inFlight, List.of());
  }

  /** One greedy answer of at most {@code maxTokens} tokens. */
  public static EvalSettings greedy(int maxTokens) {
    return new EvalSettings(true, 0, SamplingSettings.temperature(1f, maxTokens), 0, 64);
  }

  /** Answers that a problem gets. */
  public int answers() {
    return samples + (greedy ? 1 : 0);
  }

  StopRule stopRule() {
    return stop.isEmpty() ? StopRule.never() : (text, newFrom) -> {
      String s = text.toString();
      return stop.stream().anyMatch(t -> s.indexOf(t, Math.max(0, newFrom - t.length())) >= 0);
    };
  }

  /** The text without what ended it. */
  String cut(String text) {
    int end = text.length();
    for (String t : stop) {
      int at = text.indexOf(t);
      end = at >= 0 ? Math.min(end, at) : end;
    }
    return text.substring(0, end);
  }
}
