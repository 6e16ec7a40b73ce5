package dev.sphere.trainer.data;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.store.PairFlags;
import dev.sphere.engine.search.FinalAnswer;
import dev.sphere.trainer.data.RowReader.ImitationRow;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Turns rows into training examples. Prompt and completion are tokenized separately, as in a rollout. A completion
 * ends in exactly one end token. A sequence longer than {@code maxLength} is cut at its end; a row whose prompt
 * leaves no completion is reported as bad.
 *
 * <p>Recorded tokens of a search are used as they were drawn, if this model reads the prompt as the same tokens. A
 * rejected solution that was cut off before it stated an answer gets no end token.
 */
public final class ExampleEncoder {
  private final TextEncoder encoder;
  private final int maxLength;
  private final RowReport report;
  private String stepSeparator;
  private boolean stepsAlone;

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
   * Cuts rejected completions after their first step that differs from the chosen one's. The steps after a mistake
   * are often right given the mistake, and should not be unlearned (after Step-DPO, arXiv 2406.18629, which cuts both
   * sides).
   *
   * @param separator the text that ends a step; null: rejected completions count whole
   */
  public ExampleEncoder withStepSeparator(String separator) {
    this.stepSeparator = separator;
    return this;
  }

  /**
   * Makes each pair of its two first differing steps (Step-DPO, arXiv 2406.18629, eq. 2): problem and shared steps
   * are the prompt, the two steps that follow are chosen and rejected. A step ends with the end token only where its
   * completion does.
   *
   * @param separator the text that ends a step
   */
  public ExampleEncoder withStepPairs(String separator) {
    this.stepSeparator = separator;
    this.stepsAlone = true;
    return this;
  }

  /** The usable pairs as examples; pairs of one prompt form one tree. */
  public List<Example.Preference> preferences(List<PreferencePair> pairs) {
    List<Example.Preference> examples = new ArrayList<>();
    Set<List<TrainingSequence>> seen = new HashSet<>();
    for (int i = 0; i < pairs.size(); i++) {
      PreferencePair p = pairs.get(i);
      String row = p.problemId().matches("(line|row) \\d+") ? p.problemId()
          : "pair " + (i + 1) + " (" + p.problemId() + ")";
      preference(row, p).ifPresent(example -> {
        if (!seen.add(example.sequences())) {
          report.note("repeated");
        }
        report.used();
        examples.add(example);
      });
    }
    return examples;
  }

  private Optional<Example.Preference> preference(String row, PreferencePair p) {
    if (p.chosen().isBlank() || p.rejected().isBlank()) {
      report.bad(row, p.chosen().isBlank() ? "chosen is empty" : "rejected is empty");
      return Optional.empty();
    }
    int[] prompt = encoder.tokenizePrompt(p.markedPrompt());
    boolean drawn =
        p.chosenTokens().length > 0 && p.rejectedTokens().length > 0 && Arrays.equals(prompt, p.promptTokens());
    int[] chosen = drawn ? p.chosenTokens() : encoder.tokenize(p.answer(p.chosen()), false);
    int[] rejected = drawn ? p.rejectedTokens() : encoder.tokenize(p.answer(p.rejected()), false);
    boolean cut = drawn && !endsWithEnd(rejected) && !FinalAnswer.in(p.rejected());
    if (stepsAlone) {
      return stepPair(row, p, prompt, chosen, rejected, cut);
    }
    int wrongEnd = stepSeparator == null ? p.rejected().length() : stepEnd(p.rejected(), sharedSteps(p));
    if (wrongEnd < p.rejected().length()) {
      int[] beginning = encoder.tokenize(p.answer(p.rejected().substring(0, wrongEnd)), false);
      // A token may reach over the end of the step; then the whole completion counts.
      if (beginning.length < rejected.length && Arrays.mismatch(beginning, rejected) == beginning.length) {
        rejected = beginning;
        cut = true;
      }
    }
    return pair(row, p, prompt, withEnd(chosen, true), withEnd(rejected, !cut));
  }

  private Optional<Example.Preference> stepPair(
      String row, PreferencePair p, int[] prompt, int[] chosen, int[] rejected, boolean rejectedCut) {
    int shared = sharedSteps(p);
    int[] before = encoder.tokenize(p.answer(p.chosen().substring(0, shared)), false);
    int[] w = step(p, before, p.chosen(), shared, chosen, true);
    int[] l = step(p, before, p.rejected(), shared, rejected, !rejectedCut);
    if (w.length == 0 || l.length == 0) {
      report.bad(row, (w.length == 0 ? "chosen" : "rejected") + " is the beginning of the other: no step differs");
      return Optional.empty();
    }
    return pair(row, p, TrainingSequence.join(prompt, before), w, l);
  }

  /**
   * The tokens of the step that begins at a character of a completion: the completion's own where the step begins and
   * ends between two of them, else the tokens of the step's text.
   */
  private int[] step(PreferencePair p, int[] before, String text, int from, int[] all, boolean ends) {
    int to = stepEnd(text, from);
    boolean last = to == text.length();
    int[] upTo = last ? withEnd(all, false) : encoder.tokenize(p.answer(text.substring(0, to)), false);
    boolean fits = Arrays.mismatch(before, all) == before.length && upTo.length <= all.length
        && Arrays.equals(upTo, Arrays.copyOf(all, upTo.length)) && before.length <= upTo.length;
    int[] step = fits
        ? Arrays.copyOfRange(all, before.length, upTo.length)
        : encoder.tokenize(p.answer(text.substring(from, to)), false);
    return step.length > 0 && last && ends ? withEnd(step, true) : step;
  }

  private Optional<Example.Preference> pair(
      String row, PreferencePair p, int[] prompt, int[] chosen, int[] rejected) {
    if (!leavesCompletion(prompt, row)) {
      return Optional.empty();
    }
    TrainingSequence w = sequence(prompt, chosen);
    TrainingSequence l = sequence(prompt, rejected);
    if (w.equals(l)) {
      report.bad(row, "chosen and rejected are the same"
          + (w.length() < prompt.length + chosen.length ? " within max-length " + maxLength : ""));
      return Optional.empty();
    }
    Optional<Example.Origin> origin = Optional.of(new Example.Origin(p.problemId(), PairFlags.key(p)));
    return Optional.of(new Example.Preference(row, p.prompt(), w, l, origin));
  }

  /** The length in characters of the steps that both completions begin with. */
  private int sharedSteps(PreferencePair p) {
    int shared = 0;
    while (true) {
      int end = stepEnd(p.rejected(), shared);
      if (end > p.chosen().length() || end == p.rejected().length() && !p.rejected().endsWith(stepSeparator)
          || !p.chosen().regionMatches(shared, p.rejected(), shared, end - shared) || end == shared) {
        return shared;
      }
      shared = end;
    }
  }

  /** The end, in characters, of the step that begins at {@code from}. */
  private int stepEnd(String text, int from) {
    int end = text.indexOf(stepSeparator, from);
    return end < 0 ? text.length() : end + stepSeparator.length();
  }

  /** The usable rows as examples; the answers of one dialogue form one tree. */
  public List<Example.Imitation> imitations(List<ImitationRow> rows) {
    List<Example.Imitation> examples = new ArrayList<>();
    Map<String, String> trees = new HashMap<>();
    Set<TrainingSequence> seen = new HashSet<>();
    for (ImitationRow r : rows) {
      // The answers of a dialogue share an id; its first prompt names the tree.
      String tree = trees.computeIfAbsent(r.id(), id -> r.prompt() == null ? id : r.prompt().text());
      if (r.completion().text().isBlank()) {
        report.bad(r.id(), "the completion is empty");
        continue;
      }
      int[] prompt = r.prompt() == null ? new int[0] : encoder.tokenizePrompt(r.prompt());
      int[] words =
          r.prompt() == null ? encoder.tokenizePrompt(r.completion()) : encoder.tokenize(r.completion(), false);
      int[] completion = withEnd(words, true);
      if (r.prompt() == null) {
        // All tokens are learned but the first, which nothing predicts.
        prompt = Arrays.copyOf(completion, 1);
        completion = Arrays.copyOfRange(completion, 1, completion.length);
      }
      if (leavesCompletion(prompt, r.id())) {
        TrainingSequence sequence = sequence(prompt, completion);
        if (!seen.add(sequence)) {
          report.note("repeated");
        }
        examples.add(new Example.Imitation(r.id(), tree, sequence, r.weight()));
        report.used();
      }
    }
    return examples;
  }

  private boolean leavesCompletion(int[] prompt, String row) {
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
    int most = maxLength - prompt.length;
    if (completion.length > most) {
      report.note("completions cut to max-length");
      return TrainingSequence.of(prompt, Arrays.copyOf(completion, most));
    }
    return TrainingSequence.of(prompt, completion);
  }

  private boolean endsWithEnd(int[] tokens) {
    return tokens.length > 0 && encoder.ends(tokens[tokens.length - 1]);
  }

  /** Replaces the end tokens at the end by one (the first of them, else {@link TextEncoder#end}) or by none. */
  private int[] withEnd(int[] tokens, boolean wanted) {
    int length = tokens.length;
    while (length > 0 && encoder.ends(tokens[length - 1])) {
      length--;
    }
    int[] result = Arrays.copyOf(tokens, wanted ? length + 1 : length);
    if (wanted && length == tokens.length) {
      result[length] = encoder.end();
    }
    return result;
  }
}
