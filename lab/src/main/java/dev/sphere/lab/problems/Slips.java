package dev.sphere.lab.problems;

import dev.sphere.lab.problems.WordProblem.Operand;
import dev.sphere.lab.problems.WordProblem.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Writes solutions with a slip: one realistic mistake, carried through to a wrong answer. */
public final class Slips {
  private enum Kind {
    ARITHMETIC,
    ARITHMETIC_AGAIN,
    NUMBER,
    OPERATION,
    SKIPPED
  }

  private Slips() {}

  /** A solution of {@code p} that goes wrong in one step; its boxed answer is not the right one. */
  public static String wrongSolution(WordProblem p, SplittableRandom random) {
    while (true) {
      List<Step> steps = new ArrayList<>(p.steps());
      int at = random.nextInt(steps.size());
      Kind kind = Kind.values()[random.nextInt(Kind.values().length)];
      int error = 0;
      Step s = steps.get(at);
      switch (kind) {
        case ARITHMETIC, ARITHMETIC_AGAIN -> error = error(p.results().get(at), random);
        case NUMBER -> {
          int other = p.numbers().get(random.nextInt(p.numbers().size()));
          steps.set(at, new Step(s.before(), s.a(), s.op(), Operand.given(other), s.after()));
        }
        case OPERATION -> {
          char op = "+-*".charAt(random.nextInt(3));
          steps.set(at, new Step(s.before(), s.a(), op, s.b(), s.after()));
        }
        case SKIPPED -> skip(steps, at);
      }
      List<Integer> results = results(steps, at, error);
      if (results != null && results.getLast() != p.answer()) {
        return render(steps, results);
      }
    }
  }

  /** A realistic error of a sum: a unit, a carry, or a little more. */
  private static int error(int right, SplittableRandom random) {
    int[] off = right < 20 ? new int[] {1, 2, 1, 3} : new int[] {1, 10, 2, 10, 20, 5};
    int by = off[random.nextInt(off.length)];
    return random.nextInt(2) == 0 ? by : -by;
  }

  /** Leaves a step out; what it would have given is replaced by what it started from. */
  private static void skip(List<Step> steps, int at) {
    if (steps.size() < 3 || at == steps.size() - 1) {
      return;
    }
    Operand instead = steps.remove(at).a();
    for (int i = at; i < steps.size(); i++) {
      Step s = steps.get(i);
      steps.set(i, new Step(s.before(), moved(s.a(), at, instead), s.op(), moved(s.b(), at, instead), s.after()));
    }
  }

  private static Operand moved(Operand o, int removed, Operand instead) {
    if (o.step() == removed) {
      return instead;
    }
    return o.step() > removed ? new Operand(o.value(), o.step() - 1) : o;
  }

  /** The results with one step off by {@code error}; null where nobody would write them down. */
  private static List<Integer> results(List<Step> steps, int at, int error) {
    List<Integer> results = new ArrayList<>();
    for (int i = 0; i < steps.size(); i++) {
      Step s = steps.get(i);
      int a = WordProblem.valueOf(s.a(), results);
      int b = WordProblem.valueOf(s.b(), results);
      if (s.op() == '/' && b == 0) {
        return null;
      }
      int r = WordProblem.apply(s.op(), a, b) + (i == at ? error : 0);
      if (r < 0 || r > 1999) {
        return null;
      }
      results.add(r);
    }
    return results;
  }

  private static String render(List<Step> steps, List<Integer> results) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < steps.size(); i++) {
      Step s = steps.get(i);
      String expression = "" + WordProblem.valueOf(s.a(), results) + s.op() + WordProblem.valueOf(s.b(), results);
      out.append(WordProblem.line(s.before(), expression, results.get(i), s.after())).append('\n');
    }
    return out.append(WordProblem.boxed(results.getLast())).toString();
  }
}
