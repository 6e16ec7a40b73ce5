package dev.sphere.trainer.data;

import java.util.List;

/** Something that one term of the loss is made of; its sequences always share a micro-batch. */
public sealed interface Example {
  /** Names the row in messages and records: a line number, a problem's id. */
  String id();

  /** Examples with an equal key come from one tree: they share tokens and are laid out together. */
  String tree();

  /** The sequences whose log-probabilities the loss reads. */
  List<TrainingSequence> sequences();

  /** How much it counts, beside 1 for most. */
  default double weight() {
    return 1;
  }

  /**
   * Which pair an example is, for who looks at the run.
   *
   * @param problem the problem's id, or what the row is called where it has none
   * @param pair {@link dev.sphere.engine.store.PairFlags#key}
   */
  record Origin(String problem, String pair) {}

  /** Where it comes from; null where that is not known. */
  default Origin origin() {
    return null;
  }

  /** A preference: sequences are chosen, rejected. */
  record Preference(String id, String tree, TrainingSequence chosen, TrainingSequence rejected, Origin origin) implements Example {
    /** A preference of unknown origin. */
    public Preference(String id, String tree, TrainingSequence chosen, TrainingSequence rejected) {
      this(id, tree, chosen, rejected, null);
    }

    @Override
    public List<TrainingSequence> sequences() {
      return List.of(chosen, rejected);
    }
  }

  /** A completion to imitate, which counts {@code weight} times. */
  record Imitation(String id, String tree, TrainingSequence sequence, double weight) implements Example {
    /** A completion that counts once. */
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
   * @param sequences everything up to the step's end, then one token that alone is predicted: the label for a good step,
   *     and again with the label for a bad step; or, for a reward head, once with a token that nobody reads
   * @param label how good the step is, in [0, 1]
   */
  record Step(String id, String tree, List<TrainingSequence> sequences, double label) implements Example {}

  /** A policy's own draws for a problem. */
  record Draws(String id, String tree, List<TrainingSequence> sequences) implements Example {}
}
