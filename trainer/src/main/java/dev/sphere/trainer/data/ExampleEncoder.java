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

  /**
   * From here on a pair is its first differing steps alone (Step-DPO, arXiv 2406.18629, eq. 2): problem and shared steps
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

  /** The usable pairs as examples; those with the same prompt form one tree. */
  public List<Example.Preference> preferences(List<PreferencePair> pairs) {
    List<Example.Preference> examples = new ArrayList<>();
    Set<List<TrainingSequence>> seen = new HashSet<>();
    for (int i = 0; i < pairs.size(); i++) {
      PreferencePair p = pairs.get(i);
      String row = p.problemId().matches("(line|row) \\d+") ? p.problemId() : "pair " + (i + 1) + " (" + p.problemId() + ")";
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

  /** The pair of the first differing steps, after the shared ones. */
  private Example.Preference stepPair(
      String row, PreferencePair p, int[] prompt, int[] chosen, int[] rejected, boolean rejectedCut) {
    int shared = sharedSteps(p);
    int[] before = encoder.tokenize(p.answer(p.chosen().substring(0, shared)), false);
    int[] w = step(p, before, p.chosen(), shared, chosen, true);
    int[] l = step(p, before, p.rejected(), shared, rejected, !rejectedCut);
    if (w.length == 0 || l.length == 0) {
      report.bad(row, (w.length == 0 ? "chosen" : "rejected") + " is the beginning of the other: no step differs");
      return null;
    }
    int[] grown = Arrays.copyOf(prompt, prompt.length + before.length);
    System.arraycopy(before, 0, grown, prompt.length, before.length);
    return pair(row, p, grown, w, l);
  }

  /**
   * The tokens of the step that begins at a character of a completion: those of the completion where they fall into the
   * same pieces, else the step's text tokenized apart.
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

  private Example.Preference pair(String row, PreferencePair p, int[] prompt, int[] chosen, int[] rejected) {
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
    return new Example.Preference(row, p.prompt(), w, l, new Example.Origin(p.problemId(), PairFlags.key(p)));
  }

  /** Where the steps that both completions begin with end, in characters. */
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

  /** Where the step that begins at {@code from} ends. */
  private int stepEnd(String text, int from) {
    int end = text.indexOf(stepSeparator, from);
    return end < 0 ? text.length() : end + stepSeparator.length();
  }

  /** The usable rows as examples; the answers to one question, and those of one dialogue, form one tree. */
  public List<Example.Imitation> imitations(List<ImitationRow> rows) {
    List<Example.Imitation> examples = new ArrayList<>();
    Map<String, String> trees = new HashMap<>();
    Set<TrainingSequence> seen = new HashSet<>();
    for (ImitationRow r : rows) {
      // The answers of a dialogue share an id: its first prompt is the tree's name.
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
        // Everything is learned but the first token, which nothing predicts.
        prompt = Arrays.copyOf(completion, 1);
        completion = Arrays.copyOfRange(completion, 1, completion.length);
      }
      if (roomAfter(prompt, r.id())) {
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
    return tokens.length > 0 && encoder.ends(tokens[tokens.length - 1]);
  }

  /** However many end tokens there are at the end: one (the first of them, or the usual one), or none. */
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
