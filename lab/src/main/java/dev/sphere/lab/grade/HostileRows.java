package dev.sphere.lab.grade;

import dev.sphere.grade.AnswerGrader;
import dev.sphere.grade.Verdict;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import tools.jackson.databind.json.JsonMapper;

/**
 * Rows that try to keep the grader busy, 40 families of 25 sizes, and how long each takes: deep nesting, towers, long lists in
 * another order, large matrices, sums in sums, many signs, unbalanced and very long texts. See lab/studies/grade-hostile.sh.
 */
public final class HostileRows {
  private record Row(String family, String gold, String pred) {}

  private record Timed(double seconds, Row row, Verdict verdict) {}

  public static void main(String[] args) throws IOException {
    List<Row> rows = rows();
    JsonMapper json = JsonMapper.shared();
    try (BufferedWriter out = Files.newBufferedWriter(Path.of(args[0]))) {
      for (Row r : rows) {
        out.write(json.writeValueAsString(Map.of("gold", r.gold(), "pred", r.pred())));
        out.newLine();
      }
    }
    AnswerGrader grader = new AnswerGrader();
    List<Timed> timed = new ArrayList<>();
    for (Row r : rows) {
      long from = System.nanoTime();
      Verdict v = grader.grade(r.gold(), r.pred());
      timed.add(new Timed((System.nanoTime() - from) * 1e-9, r, v));
    }
    timed.sort(Comparator.comparingDouble(Timed::seconds).reversed());
    System.out.printf("%d hostile rows, %.1f s in all; the slowest:%n", rows.size(),
        timed.stream().mapToDouble(Timed::seconds).sum());
    for (Timed t : timed.subList(0, 12)) {
      System.out.printf("%7.3f s  %-28s %,10d characters  %s%n", t.seconds(), t.row().family(),
          t.row().gold().length() + t.row().pred().length(), t.verdict().how());
    }
  }

  private static List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    Random random = new Random(1);
    for (int k = 1; k <= 25; k++) {
      int n = 1 << Math.min(k, 18);
      int m = 4 * k * k;
      List<Integer> items = IntStream.range(0, m).boxed().collect(Collectors.toCollection(ArrayList::new));
      Collections.shuffle(items, random);
      String sorted = join(IntStream.range(0, m).mapToObj(String::valueOf).toList(), ", ");
      String shuffled = join(items.stream().map(String::valueOf).toList(), ", ");
      String roots = join(items.stream().map(i -> "\\sqrt{" + i + "}+x").toList(), ", ");
      String rootsSorted = join(IntStream.range(0, m).mapToObj(i -> "x+\\sqrt{" + i + "}").toList(), ", ");
      add(rows, "parentheses", "5", "(".repeat(n) + "5" + ")".repeat(n));
      add(rows, "open braces", "5", "{".repeat(n));
      add(rows, "closing braces", "5", "\\boxed{5" + "}".repeat(n));
      add(rows, "boxes", "5", "\\boxed{".repeat(n) + "5");
      add(rows, "fractions in fractions", "2", "\\frac{1}{".repeat(m) + "2" + "}".repeat(m));
      add(rows, "roots in roots", "2", "\\sqrt{".repeat(m) + "2" + "}".repeat(m));
      add(rows, "tower", "10^{10^{10}}", "10^{".repeat(k) + "10" + "}".repeat(k));
      add(rows, "tower of variables", "x", "x^".repeat(m) + "x");
      add(rows, "factorials", "1", "(" + m + ")" + "!".repeat(k));
      add(rows, "power", "1", (m + 1) + "^{" + n + "}");
      add(rows, "power of a sum", "(x+1)^{" + n + "}", "(1+x)^{" + n + "}");
      add(rows, "digits", "7", "7".repeat(n));
      add(rows, "two long numbers", "7".repeat(n), "7".repeat(n - 1) + "8");
      add(rows, "exponent", "1e" + n, "10e" + (n - 1));
      add(rows, "set in another order", "\\{" + sorted + "\\}", "\\{" + shuffled + "\\}");
      add(rows, "list in another order", sorted, shuffled);
      add(rows, "roots in another order", rootsSorted, roots);
      add(rows, "almost the same roots", rootsSorted, roots + "+1");
      add(rows, "tuples", "(" + sorted + ")", "(" + shuffled + ")");
      add(rows, "signs", "1" + "\\pm 2".repeat(m), "1" + "\\mp 2".repeat(m));
      add(rows, "lists of signs", join(Collections.nCopies(m, "\\pm x"), ","), join(Collections.nCopies(m, "\\mp x"), ","));
      int side = Math.min(40 * k, 1000);
      add(rows, "matrix", matrix(side, 0), matrix(side, 1));
      add(rows, "matrix of roots", matrix(k, 2), matrix(k, 3));
      add(rows, "unions", union(m, 0), union(m, 1));
      add(rows, "intersections", union(m, 0).replace("cup", "cap"), union(m, 1).replace("cup", "cap"));
      add(rows, "inequalities", "x^{" + k + "} < \\sin x", "x^{" + k + "} - \\sin(x) < 0");
      add(rows, "curves", "x^{" + k + "} + y^4 z = 1", "z y^4 + x^{" + k + "} = 1 + \\sin(x-x)");
      add(rows, "sums in sums", "1", "\\sum_{i=1}^{399} ".repeat(k) + "i");
      add(rows, "products", "1", "\\prod_{i=1}^{n} (".repeat(k) + "i" + ")".repeat(k));
      add(rows, "bars", "x", "|".repeat(m) + "x" + "|".repeat(m));
      add(rows, "many variables", variables(m, "+"), variables(m, "+") + "+0");
      add(rows, "many functions", variables(m, "\\sin "), variables(m, "\\sin ") + "-0");
      add(rows, "commas", "1,234", "1,234,".repeat(n / 4 + 1));
      add(rows, "markers", "5", "the answer is ".repeat(n));
      add(rows, "prose", "5", "is a 1.2 or $ 3, 4 \\frac ".repeat(n / 8 + 1));
      add(rows, "backslashes", "5", "\\".repeat(n));
      add(rows, "dollars", "5", "$".repeat(n) + "5");
      add(rows, "texts", "5", "\\text{".repeat(n / 4 + 1) + "5");
      add(rows, "chains", "x", "x=".repeat(m) + "y");
      add(rows, "other scripts", "5", "因此 5 ".repeat(n / 4 + 1));
    }
    return rows;
  }

  private static void add(List<Row> rows, String family, String gold, String pred) {
    rows.add(new Row(family, gold, pred));
  }

  private static String join(List<String> parts, String by) {
    return String.join(by, parts);
  }

  private static String matrix(int side, int kind) {
    StringBuilder s = new StringBuilder("\\begin{pmatrix}");
    for (int i = 0; i < side; i++) {
      for (int j = 0; j < side; j++) {
        String entry = switch (kind) {
          case 0 -> "1";
          case 1 -> "1.0";
          case 2 -> "\\sqrt{" + (i + 1) + "x}";
          default -> "\\sqrt{x}\\sqrt{" + (i + 1) + "}";
        };
        s.append(entry).append(j + 1 < side ? " & " : " \\\\ ");
      }
    }
    return s + "\\end{pmatrix}";
  }

  private static String union(int n, int shift) {
    return IntStream.range(0, n).mapToObj(i -> "(" + 2 * ((i + shift) % n) + "," + (2 * ((i + shift) % n) + 1) + ")")
        .collect(Collectors.joining(" \\cup "));
  }

  private static String variables(int n, String by) {
    return IntStream.range(0, n).mapToObj(i -> "x_{" + i + "}").collect(Collectors.joining(by));
  }
}
