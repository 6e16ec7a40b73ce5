package dev.sphere.lab.problems;

import dev.sphere.lab.problems.WordProblem.Operand;
import dev.sphere.lab.problems.WordProblem.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Gathers the sentences, numbers and steps of one problem while a kind writes it. */
final class ProblemWriter {
  /** A person in a problem. */
  record Person(String name, String he) {
    String capitalHe() {
      return he.equals("he") ? "He" : "She";
    }
  }

  private static final String[] SHE = {"Anna", "Emma", "Lily", "Mia", "Sara", "Zoe", "Nina", "Ruth"};
  private static final String[] HE = {"Tom", "Ben", "Sam", "Max", "Leo", "Jack", "Paul", "Omar"};
  private static final String[] THINGS = {
    "apples", "books", "pens", "cards", "stamps", "coins", "balls", "cakes", "eggs", "shells", "pears", "toys"
  };

  private final SplittableRandom random;
  private final StringBuilder text = new StringBuilder();
  private final List<Integer> numbers = new ArrayList<>();
  private final List<Step> steps = new ArrayList<>();
  private final List<Integer> results = new ArrayList<>();
  private final List<String> taken = new ArrayList<>();

  ProblemWriter(SplittableRandom random) {
    this.random = random;
  }

  /** A number given in the text, from low to high (both included). */
  Operand number(int low, int high) {
    return given(random.nextInt(low, high + 1));
  }

  /** A given number with this value. */
  Operand given(int value) {
    numbers.add(value);
    return Operand.given(value);
  }

  /** A constant that the text implies (legs of a cow, half): not a free number of the problem. */
  static Operand constant(int value) {
    return Operand.given(value);
  }

  int pick(int low, int high) {
    return random.nextInt(low, high + 1);
  }

  boolean chance(int percent) {
    return random.nextInt(100) < percent;
  }

  String either(String... options) {
    return options[random.nextInt(options.length)];
  }

  /** Somebody who is not in the problem yet. */
  Person person() {
    while (true) {
      boolean she = random.nextInt(2) == 0;
      String name = either(she ? SHE : HE);
      if (!taken.contains(name)) {
        taken.add(name);
        return new Person(name, she ? "she" : "he");
      }
    }
  }

  /** Things that are not in the problem yet, in the plural. */
  String things() {
    while (true) {
      String thing = either(THINGS);
      if (!taken.contains(thing)) {
        taken.add(thing);
        return thing;
      }
    }
  }

  /** Adds a sentence: its parts are joined without separators; operands stand as their values. */
  void say(Object... parts) {
    if (!text.isEmpty()) {
      text.append(' ');
    }
    for (Object p : parts) {
      text.append(p instanceof Operand o ? value(o) : p);
    }
  }

  /** Adds a step and gives back its result. */
  Operand step(String before, Operand a, char op, Operand b, String after) {
    if (op == '/' && value(a) % value(b) != 0) {
      throw new IllegalStateException("division with remainder in: " + before);
    }
    results.add(WordProblem.apply(op, value(a), value(b)));
    steps.add(new Step(before, a, op, b, after));
    return new Operand(results.getLast(), steps.size() - 1);
  }

  int value(Operand o) {
    return o.value();
  }

  WordProblem finish(String kind) {
    return new WordProblem(kind, text.toString(), numbers, steps);
  }
}
