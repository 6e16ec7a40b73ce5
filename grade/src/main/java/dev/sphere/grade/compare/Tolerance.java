package dev.sphere.grade.compare;

import dev.sphere.grade.extract.AnswerText;
import dev.sphere.grade.parse.AnswerReader;
import dev.sphere.grade.value.Complex;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.ExprEvaluator;
import dev.sphere.grade.value.GradingBudget;
import java.util.ArrayList;
import java.util.List;

/**
 * Answers that a data set allows to be off by a stated amount (OlympiadBench's field {@code error}): absolute, in the
 * gold answer's unit; one for all answers, or one for each, separated by commas.
 */
public final class Tolerance {
  private Tolerance() {}

  /** The allowed errors; empty when the text states none. */
  public static List<Double> of(String text) {
    List<Double> all = new ArrayList<>();
    if (text == null || text.isBlank() || text.length() > 200) {
      return all;
    }
    for (String t : text.split(",")) {
      try {
        double d = Double.parseDouble(t.strip());
        if (!(d >= 0) || Double.isInfinite(d)) {
          return List.of();
        }
        all.add(d);
      } catch (NumberFormatException e) {
        return List.of();
      }
    }
    return all;
  }

  /** True when each value of the prediction is within its error of a gold value of its own. */
  public static boolean within(String gold, String pred, List<Double> errors, GradingBudget budget) {
    List<Double> g = values(gold, budget);
    List<Double> p = values(pred, budget);
    if (g.isEmpty() || g.size() != p.size()) {
      return false;
    }
    List<Double> rest = new ArrayList<>(p);
    for (int i = 0; i < g.size(); i++) {
      double x = g.get(i);
      double most = errors.get(Math.min(i, errors.size() - 1)) * (1 + 1e-9);
      int at = -1;
      for (int j = 0; j < rest.size() && at < 0; j++) {
        at = Math.abs(rest.get(j) - x) <= most ? j : -1;
      }
      if (at < 0) {
        return false;
      }
      rest.remove(at);
    }
    return true;
  }

  /**
   * The real values of an answer, units and signs of percent and degree left out; empty when it is no list of reals.
   */
  private static List<Double> values(String text, GradingBudget budget) {
    Expr e;
    try {
      e = AnswerReader.readAsUsual(AnswerText.clean(text), budget);
    } catch (GradingBudget.Stop stop) {
      return List.of();
    }
    List<Double> values = new ArrayList<>();
    for (Expr item : e instanceof Expr.ListOf l ? l.items() : List.of(e)) {
      Expr v = bare(item);
      Complex c = v.isScalar() ? new ExprEvaluator(budget).at(v, ExprEvaluator.Point.NONE) : Complex.NAN;
      if (!c.finite() || !c.isReal()) {
        return List.of();
      }
      values.add(c.re());
    }
    return values;
  }

  private static Expr bare(Expr e) {
    return switch (e) {
      case Expr.Quantity q -> bare(q.value());
      case Expr.Percent p -> bare(p.of());
      case Expr.Degrees d -> bare(d.of());
      case Expr.Rel r when r.ops().stream().allMatch("="::equals) || r.ops().contains("~") -> bare(r.sides().getLast());
      case Expr.Neg n -> new Expr.Neg(bare(n.of()));
      default -> e;
    };
  }
}
