package dev.sphere.lab.study;

import dev.sphere.engine.embedded.ChainProblem;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;

/**
 * Bind: {@code k=b+7; b=12; c=k-b; What is c modulo 1000?} Class n has n operations that the answer needs, two numbers to
 * begin with, and one assignment in three
 * that nobody needs; the assignments are shuffled. The solution looks up or computes one name a line, each after the names
 * that it needs.
 */
final class BindTask {
  private static final int MODULUS = 1000;

  /** One assignment: {@code a op b}, where a and b are names of earlier ones; a number where {@code op} is '='. */
  private record Assignment(char name, char op, int number, int a, int b) {}

  private BindTask() {}

  static StudyProblem problem(int level, SplittableRandom random) {
    List<Character> names = new ArrayList<>();
    for (char c = 'a'; c <= 'z'; c++) {
      names.add(c);
    }
    Collections.shuffle(names, new Random(random.nextLong()));
    List<Assignment> all = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      all.add(new Assignment(names.get(i), '=', random.nextInt(2, 1000), -1, -1));
    }
    for (int i = 0; i < level; i++) {
      // Each takes the newest name, so that the last one needs them all.
      int newest = all.size() - 1;
      char op = "+-*".charAt(random.nextInt(3));
      boolean withNumber = op == '*' || i > 0 && random.nextBoolean();
      int number = !withNumber ? 0 : op == '*' ? random.nextInt(2, 10) : random.nextInt(2, 1000);
      all.add(new Assignment(names.get(all.size()), op, number, newest, withNumber ? -1 : random.nextInt(newest)));
    }
    int asked = all.size() - 1;
    boolean needed = needs(all, asked).stream().allMatch(b -> b);
    for (int i = 0; i < (level + 2) / 3; i++) {
      all.add(new Assignment(names.get(all.size()), '+', random.nextInt(2, 1000), random.nextInt(asked), -1));
    }
    List<Assignment> shuffled = new ArrayList<>(all);
    Collections.shuffle(shuffled, new Random(random.nextLong()));
    StringBuilder question = new StringBuilder();
    shuffled.forEach(x -> question.append(x.name()).append('=').append(right(all, x)).append("; "));
    question.append("What is ").append(all.get(asked).name()).append(" modulo 1000?");

    int slip = 2 + random.nextInt(level);
    int error = random.nextInt(1, 10) * (random.nextBoolean() ? 1 : -1);
    StringBuilder solution = new StringBuilder();
    StringBuilder wrong = new StringBuilder();
    int answer = solve(all, asked, -1, 0, solution);
    int slipped = solve(all, asked, slip, error, wrong);
    if (!needed && level > 1 || slipped == answer) {
      return problem(level, random);
    }
    return new StudyProblem(level, question.toString(), Integer.toString(answer), List.of(), solution.toString(),
        wrong.toString());
  }

  /** Which assignments the answer needs. */
  private static List<Boolean> needs(List<Assignment> all, int asked) {
    boolean[] needed = new boolean[all.size()];
    needed[asked] = true;
    for (int i = asked; i >= 0; i--) {
      Assignment x = all.get(i);
      if (needed[i] && x.op() != '=') {
        needed[x.a()] = true;
        if (x.b() >= 0) {
          needed[x.b()] = true;
        }
      }
    }
    List<Boolean> out = new ArrayList<>();
    for (boolean b : needed) {
      out.add(b);
    }
    return out;
  }

  private static String right(List<Assignment> all, Assignment x) {
    if (x.op() == '=') {
      return Integer.toString(x.number());
    }
    return "" + all.get(x.a()).name() + x.op() + (x.b() < 0 ? Integer.toString(x.number()) : "" + all.get(x.b()).name());
  }

  private static int solve(List<Assignment> all, int asked, int slip, int error, StringBuilder out) {
    int[] values = new int[asked + 1];
    List<Boolean> needed = needs(all.subList(0, asked + 1), asked);
    for (int i = 0; i <= asked; i++) {
      Assignment x = all.get(i);
      if (!needed.get(i)) {
        continue;
      }
      if (x.op() == '=') {
        values[i] = x.number();
        out.append(x.name()).append('=').append(x.number()).append('\n');
        continue;
      }
      int b = x.b() < 0 ? x.number() : values[x.b()];
      values[i] = Math.floorMod(ChainProblem.apply(x.op(), values[x.a()], b) + (i == slip ? error : 0), MODULUS);
      out.append(x.name()).append('=').append(values[x.a()]).append(x.op()).append(b).append('=').append(values[i])
          .append('\n');
    }
    out.append(StudyProblem.boxed(values[asked]));
    return values[asked];
  }
}
