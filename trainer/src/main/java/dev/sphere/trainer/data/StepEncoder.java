package dev.sphere.trainer.data;

import dev.sphere.engine.Generation;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.search.Candidate;
import dev.sphere.trainer.data.RowReader.StepRow;
import dev.sphere.trainer.data.RunTrees.Labelled;
import dev.sphere.trainer.data.RunTrees.Placed;
import dev.sphere.trainer.data.RunTrees.Siblings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Turns the steps of search trees, and rows of stepwise supervision, into training examples.
 */
public final class StepEncoder {
  /** In place of a separator: steps keep their tokens, as siblings do. */
  private static final int NOTHING = -2;

  private final TextEncoder encoder;
  private final int maxLength;
  private final RowReport report;
  private final boolean drawn;
  private final Map<List<Message>, MarkedText> rendered = new HashMap<>();

  /**
   * The tokens of a process reward model; see {@code dev.sphere.gguf.model.PrmInfo}.
   *
   * @param good the label of a good step; -1 for a reward head
   * @param bad the label of a bad step; -1 for a reward head
   * @param separator the token after every step, at which the score is read; -1: it is read at the step's last token
   */
  public record Labels(int good, int bad, int separator) {
    /** The tokens of a model with a reward head. */
    public static Labels head(int separator) {
      return new Labels(-1, -1, separator);
    }

    public boolean isHead() {
      return good < 0;
    }

    private List<TrainingSequence> after(int[] context) {
      int[] tokens = isHead() ? new int[] {0} : new int[] {good, bad};
      return Arrays.stream(tokens).mapToObj(t -> TrainingSequence.of(context, new int[] {t})).toList();
    }
  }

  /**
   * @param maxLength most tokens of a sequence
   * @param report takes the steps that cannot be used
   * @param drawn whether this model drew the trees, so that siblings keep their recorded tokens
   */
  public StepEncoder(TextEncoder encoder, int maxLength, RowReport report, boolean drawn) {
    this.encoder = encoder;
    this.maxLength = maxLength;
    this.report = report;
    this.drawn = drawn;
  }

  /**
   * Siblings as preferences: problem and earlier steps are the prompt, S_max is chosen, S_min rejected. The pairs of
   * a problem form one tree.
   */
  public List<Example.Preference> siblings(List<Siblings> siblings) {
    List<Example.Preference> examples = new ArrayList<>();
    for (Siblings s : siblings) {
      MarkedText prompt = prompt(s.max());
      int[] before = before(prompt, s.max(), NOTHING);
      int[] chosen = tokens(s.max().step().generation());
      int[] rejected = tokens(s.min().step().generation());
      if (before.length + Math.max(chosen.length, rejected.length) > maxLength) {
        report.bad(s.max().id(), "it does not fit into max-length " + maxLength);
      } else if (chosen.length == 0 || rejected.length == 0 || Arrays.equals(chosen, rejected)) {
        report.bad(s.max().id(), "the two steps have the same tokens, or none");
      } else {
        examples.add(new Example.Preference(
            s.max().id(), prompt.text(), TrainingSequence.of(before, chosen), TrainingSequence.of(before, rejected)));
        report.used();
      }
    }
    return examples;
  }

  /** Steps of search trees with their labels; the steps of a problem form one tree. */
  public List<Example.Step> labelled(List<Labelled> steps, Labels labels) {
    List<Example.Step> examples = new ArrayList<>();
    Set<TrainingSequence> seen = new HashSet<>();
    for (Labelled l : steps) {
      MarkedText prompt = prompt(l.step());
      int[] own = text(l.step().step().generation());
      int[] before = before(prompt, l.step(), labels.separator());
      int[] context = closed(TrainingSequence.join(before, own), labels.separator());
      add(examples, seen, l.step().id(), prompt.text(), context, l.label(), labels);
    }
    return examples;
  }

  /**
   * Rows of stepwise supervision: each labelled step is an example.
   *
   * @param stepEnd the text that a step ends with, added where it does not
   */
  public List<Example.Step> rows(List<StepRow> rows, Labels labels, String stepEnd) {
    List<Example.Step> examples = new ArrayList<>();
    Set<TrainingSequence> seen = new HashSet<>();
    for (StepRow row : rows) {
      int[] context = encoder.tokenizePrompt(row.prompt());
      for (int i = 0; i < row.labels().length; i++) {
        String text = row.steps().get(i);
        MarkedText.Builder whole = new MarkedText.Builder()
            .append(row.prompt().hasContent() ? MarkedText.content(text) : MarkedText.of(text));
        int[] step = encoder.tokenize(whole.append(text.endsWith(stepEnd) ? "" : stepEnd).build(), false);
        context = closed(TrainingSequence.join(context, step), labels.separator());
        if (!Double.isNaN(row.labels()[i])) {
          String id = row.id() + " step " + (i + 1);
          add(examples, seen, id, row.prompt().text(), context, row.labels()[i], labels);
        }
      }
    }
    return examples;
  }

  private void add(
      List<Example.Step> examples, Set<TrainingSequence> seen, String id, String prompt, int[] context, double label,
      Labels labels) {
    if (context.length == 0 || context.length >= maxLength) {
      report.bad(id, "it has " + context.length + " tokens; max-length is " + maxLength);
      return;
    }
    List<TrainingSequence> sequences = labels.after(context);
    if (!seen.add(sequences.getFirst())) {
      report.note("repeated");
    }
    examples.add(new Example.Step(id, prompt, sequences, label));
    report.used();
  }

  private MarkedText prompt(Placed step) {
    return rendered.computeIfAbsent(step.dialogue(), encoder::prompt);
  }

  /** The prompt and the earlier steps, each followed by the separator if there is one. */
  private int[] before(MarkedText prompt, Placed step, int separator) {
    int[] all = encoder.tokenizePrompt(prompt);
    for (Candidate c : step.before()) {
      int[] own = separator == NOTHING ? tokens(c.generation()) : text(c.generation());
      all = closed(TrainingSequence.join(all, own), separator);
    }
    return all;
  }

  private int[] tokens(Generation step) {
    if (drawn) {
      return step.tokens();
    }
    int[] text = encoder.tokenizeAnswer(step.text());
    return step.finish() == Generation.Finish.END ? closed(text, encoder.end()) : text;
  }

  /** The tokens of the step's text without end token, as a process reward model reads it. */
  private int[] text(Generation step) {
    return encoder.tokenizeAnswer(step.text());
  }

  private static int[] closed(int[] tokens, int separator) {
    return separator < 0 ? tokens : TrainingSequence.join(tokens, new int[] {separator});
  }
}
