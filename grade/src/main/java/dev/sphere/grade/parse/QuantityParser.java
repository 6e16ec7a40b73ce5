package dev.sphere.grade.parse;

import dev.sphere.grade.parse.MathToken.Kind;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.Units;

/** Reads quantities: sums with a currency before them or a unit behind them. */
final class QuantityParser {
  private final TokenReader in;
  private final TermParser terms;

  QuantityParser(TokenReader in, TermParser terms) {
    this.in = in;
    this.terms = terms;
  }

  /** An expression with currency before it or units after it. */
  Expr quantity() {
    boolean minus = in.peek().is("-") && (in.ahead(1).is("$") || isCurrency(in.ahead(1)));
    if (minus) {
      in.take();
    }
    String unit = "";
    if (in.peek().is("$") || isCurrency(in.peek()) && in.ahead(1).kind() == Kind.NUMBER) {
      unit = in.peek().is("$") ? "USD" : in.peek().text();
      in.take();
    }
    Expr e = terms.additive();
    if (minus) {
      e = new Expr.Neg(e);
    }
    String after = unitText();
    if (unit.isEmpty() || !after.isEmpty() && !Units.sameUnit(unit, after)) {
      unit = (unit + " " + after).strip();
    }
    return unit.isEmpty() ? e : new Expr.Quantity(e, unit);
  }

  private static boolean isCurrency(MathToken t) {
    return t.kind() == Kind.WORD && (t.text().equals("EUR") || t.text().equals("GBP") || t.text().equals("JPY")
        || t.text().equals("USD") || t.text().equals("Rs"));
  }

  /** The words after a value, with their exponents; empty when there are none. */
  private String unitText() {
    StringBuilder unit = new StringBuilder();
    while (true) {
      MathToken t = in.peek();
      boolean word = t.kind() == Kind.WORD && !(t.text().equals("in") && isSetStart(in.ahead(1)))
          || t.kind() == Kind.TEXT || terms.isUnitCommand();
      boolean slash = t.is("/") && unit.length() > 0;
      boolean letter = t.kind() == Kind.LETTER && unit.length() > 0;
      if (!word && !slash && !letter && !(t.isCommand("cdot") && unit.length() > 0)) {
        return unit.toString();
      }
      in.take();
      unit.append(slash ? "/" : (unit.isEmpty() || unit.toString().endsWith("/") ? "" : " ") + t.text());
      if (in.skip("^")) {
        boolean brace = in.skip("{");
        unit.append("^").append(in.peek().is("-") ? in.take().text() : "").append(in.take().text());
        if (brace) {
          in.expect("}");
        }
      }
    }
  }

  static boolean isSetStart(MathToken t) {
    return t.is("(") || t.is("[") || t.is("\\{") || t.text().startsWith("set:");
  }
}
