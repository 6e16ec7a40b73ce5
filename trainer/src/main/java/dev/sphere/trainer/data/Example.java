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

  /** A preference: sequences are chosen, rejected. */
  record Preference(String id, String tree, TrainingSequence chosen, TrainingSequence rejected) implements Example {
    @Override
    public List<TrainingSequence> sequences() {
      return List.of(chosen, rejected);
    }
  }

  /** A completion to imitate. */
  record Imitation(String id, String tree, TrainingSequence sequence) implements Example {
    @Override
    public List<TrainingSequence> sequences() {
      return List.of(sequence);
    }
  }
}
