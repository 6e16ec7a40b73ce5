package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Token.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Tokens to expressions, with Jinja2's precedences. */
class ExpressionParser {
  /** The name that a captured text has in the filters after it. No name in a template can be this one. */
  static final String CAPTURED = "{captured}";

  private static final int DEEPEST = 100; // brackets and blocks inside one another, where templates have a dozen

  private final List<Token> tokens;
  private int at;
  private int depth;
  /** Names that were read since the innermost macro began; tell whether it takes any arguments. */
  protected java.util.Set<String> names = new java.util.HashSet<>();

  ExpressionParser(List<Token> tokens) {
    this.tokens = tokens;
  }

  final Token peek() {
    return tokens.get(at);
  }

  private Token peekNext() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  final Token next() {
    Token t = tokens.get(at);
    if (t.kind() != Kind.LAST) {
      at++;
    }
    return t;
  }

  final TemplateException error(Token at, String message) {
    return new TemplateException("line " + at.line() + ": " + message);
  }

  final boolean take(String operator) {
    if (peek().is(operator)) {
      at++;
      return true;
    }
    return false;
  }

  final boolean takeName(String name) {
    if (peek().isName(name)) {
      at++;
      return true;
    }
    return false;
  }

  final void expect(String operator) {
    if (!take(operator)) {
      throw error(peek(), "'" + operator + "' expected, there is " + peek().describe());
    }
  }

  final String expectName() {
    Token t = next();
    if (t.kind() != Kind.NAME) {
      throw error(t, "a name expected, there is " + t.describe());
    }
    return t.text();
  }

  final void enter() {
    if (++depth > DEEPEST) {
      throw error(peek(), "brackets and blocks are nested more than " + DEEPEST + " levels deep");
    }
  }

  final void leave() {
    depth--;
  }

  /** An expression; with commas a tuple. */
  final Expr tuple() {
    Token start = peek();
    Expr first = expression();
    if (!peek().is(",")) {
      return first;
    }
    List<Expr> elements = new ArrayList<>(List.of(first));
    while (take(",")) {
      if (peek().kind() == Kind.END || peek().is(")") || peek().is("=")) {
        break;
      }
      elements.add(expression());
    }
    return new Expr.Sequence(start.line(), elements, true);
  }

  final Expr expression() {
    enter();
    Expr value = or();
    while (peek().isName("if")) {
      int line = next().line();
      Expr condition = or();
      Expr no = takeName("else") ? expression() : null;
      value = new Expr.Conditional(line, condition, value, no);
    }
    leave();
    return value;
  }

  /** An expression in which {@code if} is no part: what a loop runs over. */
  final Expr withoutCondition() {
    enter();
    Token start = peek();
    Expr first = or();
    if (peek().is(",")) {
      List<Expr> elements = new ArrayList<>(List.of(first));
      while (take(",")) {
        elements.add(or());
      }
      first = new Expr.Sequence(start.line(), elements, true);
    }
    leave();
    return first;
  }

  private Expr or() {
    Expr left = and();
    while (peek().isName("or")) {
      int line = next().line();
      left = new Expr.Logic(line, false, left, and());
    }
    return left;
  }

  private Expr and() {
    Expr left = not();
    while (peek().isName("and")) {
      int line = next().line();
      left = new Expr.Logic(line, true, left, not());
    }
    return left;
  }

  private Expr not() {
    if (!peek().isName("not")) {
      return comparison();
    }
    enter();
    int line = next().line();
    Expr value = new Expr.Unary(line, "not", not());
    leave();
    return value;
  }

  private Expr comparison() {
    Expr first = sum();
    List<String> operators = new ArrayList<>();
    List<Expr> operands = new ArrayList<>();
    for (String o = comparator(); o != null; o = comparator()) {
      operators.add(o);
      operands.add(sum());
    }
    return operators.isEmpty() ? first : new Expr.Comparison(first.line(), first, operators, operands);
  }

  private String comparator() {
    Token t = peek();
    if (t.kind() == Kind.OPERATOR) {
      return switch (t.text()) {
        case "==", "!=", "<", "<=", ">", ">=" -> next().text();
        default -> null;
      };
    }
    if (takeName("in")) {
      return "in";
    }
    if (t.isName("not") && peekNext().isName("in")) {
      next();
      next();
      return "not in";
    }
    return null;
  }

  private Expr sum() {
    Expr left = concatenation();
    while (peek().is("+") || peek().is("-")) {
      Token o = next();
      left = new Expr.Binary(o.line(), o.text(), left, concatenation());
    }
    return left;
  }

  private Expr concatenation() {
    Expr left = product();
    while (peek().is("~")) {
      int line = next().line();
      left = new Expr.Binary(line, "~", left, product());
    }
    return left;
  }

  private Expr product() {
    Expr left = power();
    while (peek().is("*") || peek().is("/") || peek().is("//") || peek().is("%")) {
      Token o = next();
      left = new Expr.Binary(o.line(), o.text(), left, power());
    }
    return left;
  }

  private Expr power() {
    Expr left = unary(true);
    while (peek().is("**")) {
      int line = next().line();
      left = new Expr.Binary(line, "**", left, unary(true));
    }
    return left;
  }

  private Expr unary(boolean withFilters) {
    Expr value;
    if (peek().is("-") || peek().is("+")) {
      enter();
      Token sign = next();
      value = new Expr.Unary(sign.line(), sign.text(), unary(false));
      leave();
    } else {
      value = primary();
    }
    value = postfix(value);
    return withFilters ? filters(value) : value;
  }

  private Expr primary() {
    Token t = next();
    switch (t.kind()) {
      case NAME:
        return switch (t.text()) {
          case "true", "True" -> new Expr.Literal(t.line(), true);
          case "false", "False" -> new Expr.Literal(t.line(), false);
          case "none", "None" -> new Expr.Literal(t.line(), Values.None.NONE);
          default -> {
            names.add(t.text());
            yield new Expr.Name(t.line(), t.text());
          }
        };
      case STRING:
        if (peek().kind() != Kind.STRING) {
          return new Expr.Literal(t.line(), t.value());
        }
        MarkedText.Builder joined = new MarkedText.Builder().append((MarkedText) t.value());
        while (peek().kind() == Kind.STRING) {
          joined.append((MarkedText) next().value());
        }
        return new Expr.Literal(t.line(), joined.build());
      case NUMBER:
        return new Expr.Literal(t.line(), t.value());
      default:
        return switch (t.text()) {
          case "(" -> parenthesis(t);
          case "[" -> list(t);
          case "{" -> dict(t);
          default -> throw error(t, "an expression expected, there is " + t.describe());
        };
    }
  }

  private Expr parenthesis(Token open) {
    if (take(")")) {
      return new Expr.Sequence(open.line(), List.of(), true);
    }
    Expr value = tuple();
    expect(")");
    return value;
  }

  private Expr list(Token open) {
    List<Expr> elements = new ArrayList<>();
    while (!take("]")) {
      elements.add(expression());
      if (!peek().is("]")) {
        expect(",");
      }
    }
    return new Expr.Sequence(open.line(), elements, false);
  }

  private Expr dict(Token open) {
    List<Expr> keys = new ArrayList<>();
    List<Expr> values = new ArrayList<>();
    while (!take("}")) {
      keys.add(expression());
      expect(":");
      values.add(expression());
      if (!peek().is("}")) {
        expect(",");
      }
    }
    return new Expr.Mapping(open.line(), keys, values);
  }

  private Expr postfix(Expr value) {
    Expr result = value;
    while (true) {
      Token t = peek();
      if (take(".")) {
        Token name = next();
        if (name.kind() == Kind.NUMBER && name.value() instanceof Long) {
          result = new Expr.Element(t.line(), result, new Expr.Literal(t.line(), name.value()));
        } else if (name.kind() == Kind.NAME) {
          result = new Expr.Attribute(t.line(), result, name.text());
        } else {
          throw error(name, "a name expected after the dot, there is " + name.describe());
        }
      } else if (take("[")) {
        result = element(t, result);
      } else if (t.is("(")) {
        result = new Expr.Call(t.line(), result, arguments());
      } else {
        return result;
      }
    }
  }

  private Expr element(Token open, Expr of) {
    Expr from = peek().is(":") ? null : expression();
    if (take("]")) {
      return new Expr.Element(open.line(), of, from);
    }
    expect(":");
    Expr to = peek().is(":") || peek().is("]") ? null : expression();
    Expr step = take(":") && !peek().is("]") ? expression() : null;
    expect("]");
    return new Expr.Slice(open.line(), of, from, to, step);
  }

  /** Filters, tests and calls after a value. */
  final Expr filters(Expr value) {
    Expr result = value;
    while (true) {
      Token t = peek();
      if (take("|")) {
        String name = dotted();
        result = new Expr.Filter(t.line(), result, name, peek().is("(") ? arguments() : Expr.Arguments.NONE);
      } else if (takeName("is")) {
        result = check(t, result);
      } else if (t.is("(")) {
        result = new Expr.Call(t.line(), result, arguments());
      } else {
        return result;
      }
    }
  }

  private String dotted() {
    StringBuilder name = new StringBuilder(expectName());
    while (take(".")) {
      name.append('.').append(expectName());
    }
    return name.toString();
  }

  private Expr check(Token is, Expr value) {
    boolean negated = takeName("not");
    String name = dotted();
    Token t = peek();
    Expr.Arguments arguments = Expr.Arguments.NONE;
    if (t.is("(")) {
      arguments = arguments();
    } else {
      boolean operand = t.kind() == Kind.STRING || t.kind() == Kind.NUMBER || t.is("[") || t.is("{")
          || t.kind() == Kind.NAME && !List.of("else", "or", "and", "is", "if", "in", "not").contains(t.text());
      if (operand) {
        arguments = new Expr.Arguments(List.of(postfix(primary())), Map.of());
      }
    }
    return new Expr.Check(is.line(), value, name, arguments, negated);
  }

  final Expr.Arguments arguments() {
    enter();
    expect("(");
    List<Expr> positional = new ArrayList<>();
    Map<String, Expr> named = new LinkedHashMap<>();
    while (!take(")")) {
      Token t = peek();
      if (t.is("*") || t.is("**")) {
        throw error(t, "arguments with '" + t.text() + "' are not known here");
      }
      if (t.kind() == Kind.NAME && peekNext().is("=")) {
        next();
        next();
        if (named.put(t.text(), expression()) != null) {
          throw error(t, "the argument '" + t.text() + "' is given twice");
        }
      } else if (!named.isEmpty()) {
        throw error(t, "an argument without a name after one with a name");
      } else {
        positional.add(expression());
      }
      if (!peek().is(")")) {
        expect(",");
      }
    }
    leave();
    return new Expr.Arguments(positional, named);
  }
}
