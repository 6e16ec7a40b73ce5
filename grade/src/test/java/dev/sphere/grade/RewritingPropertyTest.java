package dev.sphere.grade;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Random answers written in several ways equal each other; one small change, and none of them does. */
class RewritingPropertyTest {
  private final AnswerGrader grader = new AnswerGrader();
  private final Random random = new Random(20261124);

  private void allEqual(List<String> forms, List<String> others) {
    List<String> wrong = new ArrayList<>();
    for (String a : forms) {
      for (String b : forms) {
        Verdict v = grader.grade(a, b);
        if (!v.equal()) {
          wrong.add("different: " + a + " | " + b + " | " + v.how());
        }
      }
      for (String o : others) {
        if (grader.grade(a, o).equal() || grader.grade(o, a).equal()) {
          wrong.add("equal: " + a + " | " + o + " | " + grader.grade(a, o).how());
        }
      }
    }
    assertEquals(List.of(), wrong);
  }

  @Test
  void fractions() {
    for (int n = 0; n < 150; n++) {
      int q = 2 + random.nextInt(60);
      int p = (1 + random.nextInt(200)) * (random.nextBoolean() ? 1 : -1);
      allEqual(fraction(p, q), fraction(p + 1, q));
    }
  }

  private static List<String> fraction(int p, int q) {
    String sign = p < 0 ? "-" : "";
    int a = Math.abs(p);
    List<String> forms = new ArrayList<>(List.of(sign + "\\frac{" + a + "}{" + q + "}", p + "/" + q,
        "$\\dfrac{" + p + "}{" + q + "}$", "The answer is \\boxed{" + sign + "\\frac{" + 3 * a + "}{" + 3 * q + "}}.",
        "x = " + sign + "\\tfrac{" + a + "}{" + q + "}"));
    int g = BigInteger.valueOf(a).gcd(BigInteger.valueOf(q)).intValue();
    int d = q / g;
    int whole = a / q;
    if (whole > 0 && a % q != 0) {
      forms.add(sign + whole + "\\frac{" + a % q + "}{" + q + "}");
      forms.add(sign + whole + " " + a % q + "/" + q);
    }
    while (d % 2 == 0) {
      d /= 2;
    }
    while (d % 5 == 0) {
      d /= 5;
    }
    if (d == 1) {
      forms.add(new BigDecimal(p).divide(new BigDecimal(q)).toPlainString());
    }
    return forms;
  }

  @Test
  void polynomials() {
    for (int n = 0; n < 120; n++) {
      int[] c = new int[2 + random.nextInt(4)];
      for (int i = 0; i < c.length; i++) {
        c[i] = random.nextInt(19) - 9;
      }
      c[c.length - 1] = 1 + random.nextInt(9);
      int[] changed = c.clone();
      changed[random.nextInt(c.length)] += 1 + random.nextInt(3);
      allEqual(polynomial(c), polynomial(changed));
    }
  }

  private List<String> polynomial(int[] c) {
    List<String> terms = new ArrayList<>();
    String horner = "0";
    for (int i = 0; i < c.length; i++) {
      terms.add("(" + c[i] + ")x^{" + i + "}");
    }
    for (int i = c.length - 1; i >= 0; i--) {
      horner = "(" + horner + ") \\cdot x + (" + c[i] + ")";
    }
    List<String> shuffled = new ArrayList<>(terms);
    Collections.shuffle(shuffled, random);
    StringBuilder plain = new StringBuilder();
    for (int i = c.length - 1; i >= 0; i--) {
      plain.append(c[i] < 0 ? " - " : plain.isEmpty() ? "" : " + ").append(Math.abs(c[i]))
          .append(i == 0 ? "" : i == 1 ? "*x" : "*x^" + i);
    }
    return List.of(String.join("+", terms), horner, String.join(" + ", shuffled), plain.toString(),
        "\\frac{2\\left(" + String.join("+", shuffled) + "\\right)}{2}", "f(x) = " + horner);
  }

  @Test
  void rootsAndPi() {
    for (int n = 0; n < 60; n++) {
      int a = 2 + random.nextInt(9);
      int b = List.of(2, 3, 5, 6, 7, 10).get(random.nextInt(6));
      List<String> forms = List.of(a + "\\sqrt{" + b + "}", "\\sqrt{" + a * a * b + "}", a + "\\cdot " + b + "^{1/2}",
          "\\frac{" + a * b + "}{\\sqrt{" + b + "}}", a + "*sqrt(" + b + ")", a + "√" + b);
      allEqual(forms, List.of(a + 1 + "\\sqrt{" + b + "}", "-" + forms.get(0), forms.get(0) + "\\pi"));
      allEqual(List.of(a + "\\pi", "\\frac{" + 2 * a + "\\pi}{2}", a + "π", a + "*pi"), List.of(a + 1 + "\\pi", a + ""));
    }
  }

  @Test
  void collections() {
    for (int n = 0; n < 100; n++) {
      List<Integer> items = new ArrayList<>();
      while (items.size() < 3) {
        int v = random.nextInt(41) - 20;
        if (!items.contains(v)) {
          items.add(v);
        }
      }
      List<Integer> sorted = items.stream().sorted().toList();
      List<Integer> reversed = sorted.reversed();
      allEqual(List.of(join(items, ","), join(sorted, ", "), "\\{" + join(reversed, ", ") + "\\}",
              join(items.subList(0, 2), ", ") + " \\text{ and } " + items.get(2),
              "x = " + items.get(2) + " \\text{ or } x = " + items.get(0) + " \\text{ or } x = " + items.get(1)),
          List.of(join(items.subList(0, 2), ","), items.get(0) + ", " + items.get(1) + ", " + (items.get(2) + 100)));
      allEqual(List.of("(" + join(items, ",") + ")", "\\left( " + join(items, ", \\, ") + " \\right)",
              "(a, b, c) = (" + join(items, ",") + ")"),
          List.of("(" + items.get(1) + "," + items.get(0) + "," + items.get(2) + ")"));
      int low = sorted.get(0);
      int high = sorted.get(2);
      allEqual(List.of("[" + low + "," + high + ")", low + " \\le x < " + high, "x \\in [" + low + ", " + high + ")",
              high + " > x \\geq " + low),
          List.of("[" + low + "," + high + "]", "(" + low + "," + high + ")", low + " \\le x < " + (high + 1)));
    }
  }

  private static String join(List<Integer> items, String by) {
    return String.join(by, items.stream().map(String::valueOf).toList());
  }

  /** Inequalities that are not linear against the intervals that solve them. */
  @Test
  void quadraticInequalities() {
    for (int n = 0; n < 30; n++) {
      int a = random.nextInt(15) - 10;
      int b = a + 1 + random.nextInt(8);
      String f = "x^2 - (" + (a + b) + ")x + (" + a * b + ")";
      allEqual(List.of(f + " < 0", "(" + a + "," + b + ")", a + " < x < " + b),
          List.of(f + " \\le 0", "[" + a + "," + b + "]", f + " > 0"));
      allEqual(List.of(f + " \\ge 0", "(-\\infty," + a + "] \\cup [" + b + ",\\infty)"), List.of(f + " > 0"));
    }
  }
}
