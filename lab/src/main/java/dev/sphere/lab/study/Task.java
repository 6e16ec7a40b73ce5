package dev.sphere.lab.study;

import dev.sphere.lab.problems.ChainProblem.Use;
import dev.sphere.lab.problems.ChainProblem;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * The tasks of the study of rounds. Each has ten classes of rising difficulty. Whatever the seed, the text of a problem
 * decides for which use it is, so no
 * two uses share a problem.
 */
public enum Task {
  /** A nested expression is reduced, an operation a line, digit by digit; class n has n operations. */
  CHAIN((level, idle, random) -> StudyProblem.of(ChainProblem.of(level, idle, random))),
  /** Shuffled assignments, a look-up or an operation a line; class n has n operations. */
  BIND(BindTask::problem),
  /** 3 to 6 numbers and a target; any expression that reaches it is right. */
  COUNTDOWN(CountdownTask::problem);

  /** Classes of a task. */
  public static final int LEVELS = ChainProblem.LEVELS;

  /** The last class that a base is trained on. */
  public static final int TRAINED = 3;

  private interface Generator {
    StudyProblem problem(int level, int idle, SplittableRandom random);
  }

  private final Generator generator;

  Task(Generator generator) {
    this.generator = generator;
  }

  /** The task of that name, in lower case. */
  public static Task of(String name) {
    for (Task task : values()) {
      if (task.label().equals(name)) {
        return task;
      }
    }
    throw new IllegalArgumentException("no task " + name + "; there are chain, bind, countdown");
  }

  /** The name in files: lower case. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The next problem of a use.
   *
   * @param level the class, 1 to 10
   */
  public StudyProblem next(int level, Use use, SplittableRandom random) {
    return next(level, 0, use, random);
  }

  /**
   * The next problem of a use.
   *
   * @param level the class, 1 to 10
   * @param idle operations beyond the class's own that change nothing: by them the base learns the lengths of class 10 from problems of classes 1 to 3
   */
  StudyProblem next(int level, int idle, Use use, SplittableRandom random) {
    while (true) {
      StudyProblem p = generator.problem(level, idle, random);
      if (Use.of(p.question()) == use) {
        return p;
      }
    }
  }

  /**
   * Problems of a class, no text twice.
   *
   * @param taken texts that are left out; gets those of the result
   */
  public List<StudyProblem> distinct(int level, Use use, int count, SplittableRandom random, Set<String> taken) {
    List<StudyProblem> out = new ArrayList<>();
    while (out.size() < count) {
      StudyProblem p = next(level, use, random);
      if (taken.add(p.question())) {
        out.add(p);
      }
    }
    return out;
  }

  /** As {@link #distinct(int, Use, int, SplittableRandom, Set)}, of one class by a seed. */
  public List<StudyProblem> distinct(int level, Use use, int count, long seed) {
    return distinct(level, use, count, new SplittableRandom(seed * 1000 + level), new HashSet<>());
  }
}
