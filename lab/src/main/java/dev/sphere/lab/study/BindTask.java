package dev.sphere.lab.study;

import dev.sphere.lab.problems.ChainProblem;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;

/**
 * Bind: {@code k=a-b}, {@code b=12}, {@code c=k+17}, {@code a=35}, {@code d=b+08}, {@code c=?}, a line each. Class n has n operations that the answer needs, two numbers to begin
 * with, and one assignment in three that nobody needs; the assignments are shuffled. The solution looks up a name a line, from the one asked for back to the numbers,
 * and then calculates a name a line, on the way back. It calculates as {@link ChainProblem} does.
 */
final class BindTask {
  /** One assignment: {@code a op b}, where a and b are places of earlier ones and {@code number} stands where b is -1; a number alone where a is -1. */
  private record Assignment(char name, char op, int number, int a, int b) {
    /** One digit that multiplies both. */
    boolean factor() {
      return op == '*';
    }
  }

  private BindTask() {}

  /** A problem with {@code idle} more operations on the way to the answer, which change nothing: {@code +00}, {@code -00} and {@code *1}. */
  static StudyProblem problem(int level, int idle, SplittableRandom random) {
    List<Character> names = new ArrayList<>();
    for (char c = 'a'; c <= 'z'; c++) {
      names.add(c);
    }
    Collections.shuffle(names, new Random(random.nextLong()));
    List<Boolean> works = new ArrayList<>(Collections.nCopies(level, true));
    works.addAll(Collections.nCopies(idle, false));
    Collections.shuffle(works, new Random(random.nextLong()));
    List<Assignment> all = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      all.add(new Assignment(names.get(i), ' ', random.nextInt(ChainProblem.NUMBERS), -1, -1));
    }
    // Each takes the newest name, and the first that works the other number too, so that the last one needs them all.
    int first = works.indexOf(true);
    for (int i = 0; i < works.size(); i++) {
      char name = names.get(all.size());
      int newest = all.size() - 1;
      String ops = i == first ? "+-" : "+-*";
      char op = ops.charAt(random.nextInt(ops.length()));
      if (i == first) {
        all.add(new Assignment(name, op, 0, newest, 0));
      } else if (!works.get(i)) {
        all.add(new Assignment(name, op, op == '*' ? 1 : 0, newest, -1));
      } else if (op == '*') {
        all.add(new Assignment(name, op, random.nextInt(2, 10), newest, -1));
      } else {
        boolean number = random.nextBoolean();
        all.add(new Assignment(name, op, number ? random.nextInt(1, ChainProblem.NUMBERS) : 0, newest, number ? -1 : random.nextInt(newest)));
      }
    }
    int asked = all.size() - 1;
    for (int i = 0; i < (level + idle + 2) / 3; i++) {
      all.add(new Assignment(names.get(all.size()), '+', random.nextInt(ChainProblem.NUMBERS), random.nextInt(asked), -1));
    }
    List<Assignment> shuffled = new ArrayList<>(all);
    Collections.shuffle(shuffled, new Random(random.nextLong()));
    // A line each, as in the solution, so that a name is the same token there: a space before it would be part of it.
    StringBuilder question = new StringBuilder("Digit by digit:\n");
    shuffled.forEach(x -> question.append(x.name()).append('=').append(right(all, x)).append('\n'));
    question.append(all.get(asked).name()).append("=?");

    int slip = 2 + random.nextInt(level + idle);
    int error = random.nextInt(1, ChainProblem.NUMBERS);
    StringBuilder solution = new StringBuilder();
    StringBuilder wrong = new StringBuilder();
    String answer = solve(all, asked, -1, 0, solution);
    if (answer.equals(solve(all, asked, slip, error, wrong))) { // a slip may vanish, as in x-x
      return problem(level, idle, random);
    }
    return new StudyProblem(level, question.toString(), answer, List.of(), solution.toString(), wrong.toString());
  }

  private static String right(List<Assignment> all, Assignment x) {
    if (x.a() < 0) {
      return ChainProblem.written(x.number());
    }
    return "" + all.get(x.a()).name() + x.op() + (x.b() < 0 ? number(x) : "" + all.get(x.b()).name());
  }

  private static String number(Assignment x) {
    return x.factor() ? Integer.toString(x.number()) : ChainProblem.written(x.number());
  }

  /** Writes the lines; the result of operation {@code slip} is off by {@code error}. */
  private static String solve(List<Assignment> all, int asked, int slip, int error, StringBuilder out) {
    for (int i = asked; i >= 0; i--) {
      out.append(all.get(i).name()).append('=').append(right(all, all.get(i))).append('\n');
    }
    int[] values = new int[asked + 1];
    for (int i = 0; i <= asked; i++) {
      Assignment x = all.get(i);
      if (x.a() < 0) {
        values[i] = x.number();
        continue;
      }
      int b = x.b() < 0 ? x.number() : values[x.b()];
      values[i] = (ChainProblem.apply(x.op(), values[x.a()], b, x.factor()) + (i == slip ? error : 0)) % ChainProblem.NUMBERS;
      out.append(x.name()).append('=').append(ChainProblem.written(values[x.a()])).append(x.op())
          .append(x.b() < 0 ? number(x) : ChainProblem.written(b)).append('=').append(ChainProblem.written(values[i])).append('\n');
    }
    String answer = ChainProblem.written(values[asked]);
    out.append(StudyProblem.boxed(answer));
    return answer;
  }
}
