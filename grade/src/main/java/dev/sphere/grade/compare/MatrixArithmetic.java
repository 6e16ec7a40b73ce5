package dev.sphere.grade.compare;

import dev.sphere.grade.value.Expr;
import java.util.ArrayList;
import java.util.List;

/** Sums, differences and products of matrices as one matrix of expressions. */
final class MatrixArithmetic {
  private static final int MAX_SIZE = 12;

  private MatrixArithmetic() {}

  /** The expression with its matrix arithmetic done; the same object where there is none (or shapes do not fit). */
  static Expr fold(Expr e) {
    if (e instanceof Expr.Neg(Expr of) && fold(of) instanceof Expr.Matrix m) {
      return map(m, Expr.Neg::new);
    }
    if (!(e instanceof Expr.Op o) || !o.has(Expr.Matrix.class)) {
      return e;
    }
    Expr l = fold(o.left());
    Expr r = fold(o.right());
    Expr folded = null;
    if (l instanceof Expr.Matrix a && r instanceof Expr.Matrix b) {
      folded = o.op() == '*' ? product(a, b) : o.op() == '+' || o.op() == '-' ? sum(o.op(), a, b) : null;
    } else if (l instanceof Expr.Matrix a && r.isScalar() && (o.op() == '*' || o.op() == '/')) {
      folded = map(a, x -> new Expr.Op(o.op(), x, r));
    } else if (r instanceof Expr.Matrix b && l.isScalar() && o.op() == '*') {
      folded = map(b, x -> new Expr.Op('*', l, x));
    }
    return folded == null ? e : folded;
  }

  private static Expr.Matrix map(Expr.Matrix m, java.util.function.UnaryOperator<Expr> f) {
    return new Expr.Matrix(m.rows().stream().map(row -> row.stream().map(f).toList()).toList());
  }

  private static Expr sum(char op, Expr.Matrix a, Expr.Matrix b) {
    if (a.rows().size() != b.rows().size()) {
      return null;
    }
    List<List<Expr>> rows = new ArrayList<>();
    for (int i = 0; i < a.rows().size(); i++) {
      List<Expr> x = a.rows().get(i);
      List<Expr> y = b.rows().get(i);
      if (x.size() != y.size()) {
        return null;
      }
      List<Expr> row = new ArrayList<>();
      for (int j = 0; j < x.size(); j++) {
        row.add(new Expr.Op(op, x.get(j), y.get(j)));
      }
      rows.add(List.copyOf(row));
    }
    return new Expr.Matrix(List.copyOf(rows));
  }

  private static Expr product(Expr.Matrix a, Expr.Matrix b) {
    int inner = b.rows().size();
    int width = b.rows().isEmpty() ? 0 : b.rows().getFirst().size();
    boolean fits = inner > 0 && inner <= MAX_SIZE && width <= MAX_SIZE && a.rows().size() <= MAX_SIZE
        && a.rows().stream().allMatch(r -> r.size() == inner) && b.rows().stream().allMatch(r -> r.size() == width);
    if (!fits) {
      return null;
    }
    List<List<Expr>> rows = new ArrayList<>();
    for (List<Expr> x : a.rows()) {
      List<Expr> row = new ArrayList<>();
      for (int j = 0; j < width; j++) {
        Expr sum = null;
        for (int k = 0; k < inner; k++) {
          Expr term = new Expr.Op('*', x.get(k), b.rows().get(k).get(j));
          sum = sum == null ? term : new Expr.Op('+', sum, term);
        }
        row.add(sum);
      }
      rows.add(List.copyOf(row));
    }
    return new Expr.Matrix(List.copyOf(rows));
  }
}
