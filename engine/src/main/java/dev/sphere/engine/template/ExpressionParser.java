package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Token.Kind;
import dev.sphere.engine.template.Values.Function;
import dev.sphere.engine.template.Values.Undefined;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** Reads tokens one after another, and makes expressions of them by recursive descent with Jinja2's precedences. */
class ExpressionParser {
  private static final int DEEPEST = 100; // brackets and blocks inside one another, where templates have a dozen

  private final List<Token> tokens;
  private int at;
  private int depth;

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
    return tokens.get(at < tokens.size() - 1 ? at++ : at);
  }

  final boolean take(String operator) {
    boolean taken = peek().is(operator);
    at += taken ? 1 : 0;
    return taken;
  }

  final boolean takeName(String name) {
    boolean taken = peek().isName(name);
    at += taken ? 1 : 0;
    return taken;
  }

  final TemplateException expected(String what) {
    return peek().error(what + " expected, there is " + peek().describe());
  }

  final void expect(String operator) {
    if (!take(operator)) {
      throw expected("'" + operator + "'");
    }
  }

  final String expectName() {
    if (peek().kind() != Kind.NAME) {
      throw expected("a name");
    }
    return next().text();
  }

  /** Reads items with commas between them, a last comma allowed, and the bracket that closes them. */
  final void listed(String close, Runnable item) {
    while (!take(close)) {
      item.run();
      if (!peek().is(close)) {
        expect(",");
      }
    }
  }

  final void enter() {
    if (++depth > DEEPEST) {
      throw peek().error("brackets and blocks are nested more than " + DEEPEST + " levels deep");
    }
  }

  final void leave() {
    depth--;
  }

  /** The expression as a node of its own: one level deep, with the token's line in messages. */
  private static Expr node(Token token, Expr expr) {
    return scope -> {
      scope.budget.enter(token.line());
      Object value = expr.value(scope);
      scope.budget.leave();
      return value;
    };
  }

  final Expr expression() {
    enter();
    Expr value = condition();
    while (peek().isName("if")) {
      Token t = next();
      Expr yes = value;
      Expr condition = condition();
      Expr no = takeName("else") ? expression() : s -> new Undefined("the condition is false and has no else");
      value = node(t, s -> Values.isTrue(condition.value(s)) ? yes.value(s) : no.value(s));
    }
    leave();
    return value;
  }

  /** An expression without {@code if} at its top: a loop's list, where {@code if} begins the loop's condition. */
  final Expr condition() {
    return logic("or", () -> logic("and", this::not));
  }

  private Expr logic(String word, Supplier<Expr> operand) {
    Expr value = operand.get();
    while (peek().isName(word)) {
      Token t = next();
      Expr left = value;
      Expr right = operand.get();
      value = node(t, s -> {
        Object decides = left.value(s);
        return Values.isTrue(decides) == word.equals("and") ? right.value(s) : decides;
      });
    }
    return value;
  }

  private Expr not() {
    if (!peek().isName("not")) {
      return comparison();
    }
    enter();
    Token t = next();
    Expr operand = not();
    leave();
    return node(t, s -> !Values.isTrue(operand.value(s)));
  }

  private Expr comparison() {
    Expr left = sum();
    Token t = peek();
    boolean notIn = t.isName("not") && peekNext().isName("in");
    boolean symbol = t.kind() == Kind.OPERATOR && Set.of("==", "!=", "<", "<=", ">", ">=").contains(t.text());
    if (!notIn && !symbol && !t.isName("in")) {
      return left;
    }
    at += notIn ? 2 : 1;
    String operator = notIn ? "not in" : t.text();
    Expr right = sum();
    return node(t, s -> {
      Object a = left.value(s);
      return Operators.holds(s.budget, operator, a, right.value(s));
    });
  }

  private Expr sum() {
    return binary(() -> binary(() -> binary(() -> unary(true), "*", "//", "%"), "~"), "+", "-");
  }

  /** Operands with any of these operators between them, computed from the left. */
  private Expr binary(Supplier<Expr> operand, String... operators) {
    Expr value = operand.get();
    while (peek().kind() == Kind.OPERATOR && List.of(operators).contains(peek().text())) {
      Token t = next();
      Expr left = value;
      Expr right = operand.get();
      value = node(t, s -> {
        Object a = left.value(s);
        return Operators.compute(s.budget, t.text(), a, right.value(s));
      });
    }
    return value;
  }

  private Expr unary(boolean withFilters) {
    Expr value;
    Token t = peek();
    if (take("-")) {
      enter();
      Expr operand = unary(false);
      leave();
      value = node(t, s -> Operators.compute(s.budget, "-", 0L, operand.value(s)));
    } else {
      value = postfix(t, primary());
    }
    return withFilters ? filters(value) : value;
  }

  private Expr primary() {
    Token t = next();
    return switch (t.kind()) {
      case STRING, NUMBER -> constant(t, value(t));
      case NAME -> switch (t.text()) {
        case "true", "True" -> constant(t, true);
        case "false", "False" -> constant(t, false);
        case "none", "None" -> constant(t, Values.None.NONE);
        default -> node(t, s -> s.get(t.text()));
      };
      default -> switch (t.text()) {
        case "(" -> parenthesis(t);
        case "[" -> list(t, elements("]"));
        case "{" -> dict(t);
        default -> throw t.error("an expression expected, there is " + t.describe());
      };
    };
  }

  private static Object value(Token t) {
    try {
      return t.kind() == Kind.STRING ? MarkedText.of(t.text()) : (Object) Long.valueOf(t.text());
    } catch (NumberFormatException e) {
      throw t.error(t.describe() + " is no integer of 64 bits");
    }
  }

  private static Expr constant(Token t, Object value) {
    return node(t, s -> value);
  }

  private List<Expr> elements(String close) {
    List<Expr> elements = new ArrayList<>();
    listed(close, () -> elements.add(expression()));
    return elements;
  }

  private Expr parenthesis(Token open) {
    List<Expr> elements = elements(")");
    boolean comma = tokens.get(at - 2).is(",");
    return elements.size() == 1 && !comma ? elements.getFirst() : list(open, elements);
  }

  /** A list; a tuple is one, too. */
  private static Expr list(Token open, List<Expr> elements) {
    return node(open, s -> {
      s.budget.spendElements(elements.size());
      List<Object> values = new ArrayList<>();
      elements.forEach(e -> values.add(e.value(s)));
      return values;
    });
  }

  private Expr dict(Token open) {
    Map<Object, Expr> entries = new LinkedHashMap<>();
    listed("}", () -> {
      Token t = next();
      if (t.kind() != Kind.STRING && t.kind() != Kind.NUMBER) {
        throw t.error("a text or an integer expected as a key, there is " + t.describe());
      }
      Object key = value(t);
      expect(":");
      entries.put(key, expression());
    });
    return node(open, s -> {
      s.budget.spendElements(2L * entries.size());
      Map<Object, Object> values = new LinkedHashMap<>();
      entries.forEach((key, value) -> values.put(key, value.value(s)));
      return values;
    });
  }

  /** Attributes, elements and calls after a value. */
  private Expr postfix(Token first, Expr value) {
    Token name = first; // of what is called, in messages
    Expr result = value;
    while (true) {
      Token t = peek();
      Expr of = result;
      if (take(".")) {
        String attribute = expectName();
        name = tokens.get(at - 1);
        result = node(t, s -> Values.attribute(s.budget, of.value(s), attribute));
      } else if (take("[")) {
        result = element(t, of);
      } else if (t.is("(")) {
        String function = name.text();
        Arguments arguments = arguments();
        result = node(t, s -> call(of.value(s), arguments.evaluate(function, s)));
      } else {
        return result;
      }
    }
  }

  private static Object call(Object function, Args args) {
    if (function instanceof Function f) {
      return f.call(args);
    }
    throw args.budget().error(function instanceof Undefined u
        ? u.reason() + ", and cannot be called"
        : "a " + Values.type(function) + " cannot be called");
  }

  /** {@code of[key]}, {@code of[from:to]} or {@code of[::-1]}. */
  private Expr element(Token open, Expr of) {
    if (peek().is(":") && peekNext().is(":")) {
      at += 2;
      expect("-");
      if (!next().text().equals("1") || !take("]")) {
        throw open.error("a slice has no step, except for [::-1]");
      }
      return node(open, s -> Values.reversed(s.budget, of.value(s)));
    }
    Expr from = peek().is(":") ? s -> 0L : expression();
    if (take("]")) {
      return node(open, s -> {
        Object value = of.value(s);
        return Values.element(s.budget, value, from.value(s));
      });
    }
    expect(":");
    Expr to = peek().is("]") ? s -> Long.MAX_VALUE : expression();
    expect("]");
    return node(open, s -> {
      Object value = of.value(s);
      Object begin = from.value(s);
      return Values.slice(s.budget, value, begin, to.value(s));
    });
  }

  /** Filters and tests after a value. */
  private Expr filters(Expr value) {
    Expr result = value;
    while (true) {
      Token t = peek();
      Expr input = result;
      if (take("|")) {
        result = filter(t, input);
      } else if (takeName("is")) {
        result = test(t, input);
      } else {
        return result;
      }
    }
  }

  private Expr filter(Token t, Expr input) {
    String name = expectName();
    Arguments arguments = peek().is("(") ? arguments() : Arguments.NONE;
    return node(t, s -> {
      Object value = input.value(s);
      return Filters.apply(value, arguments.evaluate(name, s));
    });
  }

  private Expr test(Token is, Expr input) {
    boolean negated = takeName("not");
    String name = expectName();
    return node(is, s -> Filters.holds(input.value(s), Arguments.NONE.evaluate(name, s)) != negated);
  }

  /** The arguments of a call, not yet evaluated. */
  private record Arguments(List<Expr> positional, Map<String, Expr> named) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    Args evaluate(String function, Scope scope) {
      Map<String, Object> values = new LinkedHashMap<>();
      List<Object> inOrder = new ArrayList<>();
      positional.forEach(e -> inOrder.add(e.value(scope)));
      named.forEach((name, e) -> values.put(name, e.value(scope)));
      return new Args(scope.budget, function, inOrder, values);
    }
  }

  private Arguments arguments() {
    enter();
    expect("(");
    List<Expr> positional = new ArrayList<>();
    Map<String, Expr> named = new LinkedHashMap<>();
    listed(")", () -> {
      Token t = peek();
      if (t.kind() == Kind.NAME && peekNext().is("=")) {
        at += 2;
        if (named.put(t.text(), expression()) != null) {
          throw t.error("the argument '" + t.text() + "' is given twice");
        }
      } else if (!named.isEmpty()) {
        throw t.error("an argument without a name after one with a name");
      } else {
        positional.add(expression());
      }
    });
    leave();
    return new Arguments(positional, named);
  }
}
