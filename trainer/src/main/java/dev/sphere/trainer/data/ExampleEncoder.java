package dev.sphere.trainer.data;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.search.FinalAnswer;
import dev.sphere.trainer.data.RowReader.ImitationRow;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Turns rows into training examples. Prompt and completion are tokenized apart, as a rollout sees them; a completion ends
 * in exactly one end token; what is longer than {@code maxLength} is cut at its end, but never to an empty completion:
 * such a row is named and counted instead.
 *
 * <p>Tokens that a search recorded are taken as they were drawn, if this model reads the prompt as the same tokens. Its
 * end token is added to a solution that states its answer; one that was cut off is left without.
 */
public final class ExampleEncoder {
  private final TextEncoder encoder;
  private final int maxLength;
  private final RowReport report;
  private String stepSeparator;

  /**
   * @param maxLength most tokens of prompt and completion together
   * @param report takes the rows that cannot be used
   */
  public ExampleEncoder(TextEncoder encoder, int maxLength, RowReport report) {
    if (maxLength < 2) {
      throw new IllegalArgumentException("max-length must be at least 2: " + maxLength);
    }
    this.encoder = encoder;
    this.maxLength = maxLength;
    this.report = report;
  }

  /**
   * From here on a rejected completion counts only up to the end of its first step that differs from the chosen one's:
   * what follows from a mistake is often right given the mistake, and should not be unlearned (the thought of Step-DPO,
   * arXiv 2406.18629; there both sides are cut). Null: the whole completion counts.
   *
   * @param separator the text that ends a step
   */
  public ExampleEncoder withStepSeparator(String separator) {
    this.stepSeparator = separator;
    return this;
  }

  /** The usable pairs as examples; those with the same prompt form one tree. */
  public List<Example.Preference> preferences(List<PreferencePair> pairs) {
    List<Example.Preference> examples = new ArrayList<>();
    Set<List<TrainingSequence>> seen = new HashSet<>();
    for (int i = 0; i < pairs.size(); i++) {
      PreferencePair p = pairs.get(i);
      String row = p.problemId().startsWith("line ") ? p.problemId() : "pair " + (i + 1) + " (" + p.problemId() + ")";
      Example.Preference example = preference(row, p);
      if (example != null) {
        if (!seen.add(example.sequences())) {
          report.note("repeated");
        }
        report.used();
        examples.add(example);
      }
    }
    return examples;
  }

  private Example.Preference preference(String row, PreferencePair p) {
    if (p.chosen().isBlank() || p.rejected().isBlank()) {
      report.bad(row, p.chosen().isBlank() ? "chosen is empty" : "rejected is empty");
      return null;
    }
    int[] prompt = encoder.tokenizePrompt(p.prompt());
    boolean drawn =
        p.chosenTokens().length > 0 && p.rejectedTokens().length > 0 && Arrays.equals(prompt, p.promptTokens());
    int[] chosen = drawn ? p.chosenTokens() : encoder.tokenize(p.chosen(), false);
    int[] rejected = drawn ? p.rejectedTokens() : encoder.tokenize(p.rejected(), false);
    boolean cut = drawn && !endsWithEnd(rejected) && !FinalAnswer.in(p.rejected());
    int wrongEnd = stepSeparator == null ? p.rejected().length() : firstDifference(p.chosen(), p.rejected());
    if (wrongEnd < p.rejected().length()) {
      int[] beginning = encoder.tokenize(p.rejected().substring(0, wrongEnd), false);
      // A token may reach over the end of the step; then the whole completion counts.
      if (beginning.length < rejected.length && Arrays.mismatch(beginning, rejected) == beginning.length) {
        rejected = beginning;
        cut = true;
      }
    }
    chosen = withEnd(chosen, true);
    rejected = withEnd(rejected, !cut);
    if (!roomAfter(prompt, row)) {
      return null;
    }
    TrainingSequence w = sequence(prompt, chosen);
    TrainingSequence l = sequence(prompt, rejected);
    if (w.equals(l)) {
      report.bad(row, "chosen and rejected are the same"
          + (w.length() < prompt.length + chosen.length ? " within max-length " + maxLength : ""));
      return null;
    }
    return new Example.Preference(row, p.prompt(), w, l);
  }

  /** Where the first step of {@code rejected} that differs from {@code chosen} ends, in characters. */
  private int firstDifference(String chosen, String rejected) {
    int start = 0;
    while (true) {
      int end = rejected.indexOf(stepSeparator, start);
      if (end < 0) {
        return rejected.length();
      }
      end += stepSeparator.length();
      if (end > chosen.length() || !chosen.regionMatches(start, rejected, start, end - start)) {
        return end;
      }
      start = end;
    }
  }

  /** The usable rows as examples; the answers of one dialogue form one tree. */
  public List<Example.Imitation> imitations(List<ImitationRow> rows) {
    List<Example.Imitation> examples = new ArrayList<>();
    for (ImitationRow r : rows) {
      if (r.completion().isBlank()) {
        report.bad(r.id(), "the completion is empty");
        continue;
      }
      int[] prompt = r.prompt() == null ? new int[0] : encoder.tokenizePrompt(r.prompt());
      int[] completion = withEnd(encoder.tokenize(r.completion(), r.prompt() == null), true);
      if (r.prompt() == null) {
        // Everything is learned but the first token, which nothing predicts.
        prompt = Arrays.copyOf(completion, 1);
        completion = Arrays.copyOfRange(completion, 1, completion.length);
      }
      if (roomAfter(prompt, r.id())) {
        examples.add(new Example.Imitation(r.id(), r.id(), sequence(prompt, completion)));
        report.used();
      }
    }
    return examples;
  }

  private boolean roomAfter(int[] prompt, String row) {
    if (prompt.length == 0) {
      report.bad(row, "the prompt is empty");
      return false;
    }
    if (prompt.length >= maxLength) {
      report.bad(row, "the prompt has " + prompt.length + " tokens: max-length " + maxLength + " leaves no completion");
      return false;
    }
    return true;
  }

  private TrainingSequence sequence(int[] prompt, int[] completion) {
    int room = maxLength - prompt.length;
    if (completion.length > room) {
      report.note("completions cut to max-length");
      return TrainingSequence.of(prompt, Arrays.copyOf(completion, room));
    }
    return TrainingSequence.of(prompt, completion);
  }

  private boolean endsWithEnd(int[] tokens) {
    return tokens.length > 0 && tokens[tokens.length - 1] == encoder.end();
  }

  /** However many end tokens there are at the end: one, or none. */
  private int[] withEnd(int[] tokens, boolean wanted) {
    int length = tokens.length;
    while (length > 0 && tokens[length - 1] == encoder.end()) {
      length--;
    }
    int[] result = Arrays.copyOf(tokens, wanted ? length + 1 : length);
    if (wanted) {
      result[length] = encoder.end();
    }
    return result;
  }
}
