package dev.sphere.trainer.data;

import java.util.List;
import java.util.Optional;

/** One term of the loss; its sequences always share a micro-batch. */
public sealed interface Example {
  /** The row's name in messages and records: a line number or a problem's id. */
  String id();

  /** Examples of one tree have an equal key; they are laid out together and share tokens. */
  String tree();

  /** The sequences whose log-probabilities the loss reads. */
  List<TrainingSequence> sequences();

  /** The factor on the example's term. */
  default double weight() {
    return 1;
  }

  /**
   * The pair that an example was made from.
   *
   * @param problem the problem's id, or the row's name where it has none
   * @param pair {@link dev.sphere.engine.store.PairFlags#key}
   */
  record Origin(String problem, String pair) {}

  /** The recorded pair; empty for other examples. */
  default Optional<Origin> origin() {
    return Optional.empty();
  }

  /** A preference, whose sequences are chosen and rejected. */
  record Preference(
      String id, String tree, TrainingSequence chosen, TrainingSequence rejected, Optional<Origin> origin)
      implements Example {
    /** A preference of no recorded pair. */
    public Preference(String id, String tree, TrainingSequence chosen, TrainingSequence rejected) {
      this(id, tree, chosen, rejected, Optional.empty());
    }

    @Override
    public List<TrainingSequence> sequences() {
      return List.of(chosen, rejected);
    }
  }

  /** A completion to imitate. */
  record Imitation(String id, String tree, TrainingSequence sequence, double weight) implements Example {
    /** A completion of weight 1. */
    public Imitation(String id, String tree, TrainingSequence sequence) {
      this(id, tree, sequence, 1);
    }

    @Override
    public List<TrainingSequence> sequences() {
      return List.of(sequence);
    }
  }

  /**
   * A step that a process reward model learns to judge.
   *
   * @param sequences all tokens up to the step's end, then one token that is predicted: one sequence with the label
   *     token of a good step and one with that of a bad step; for a reward head a single sequence, whose last token
   *     is not read
   * @param label how good the step is, in [0, 1]
   */
  record Step(String id, String tree, List<TrainingSequence> sequences, double label) implements Example {}

  /** A policy's own draws for a problem. */
  record Draws(String id, String tree, List<TrainingSequence> sequences) implements Example {}
}
