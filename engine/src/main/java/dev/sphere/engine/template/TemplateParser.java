package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Syntax.Expr;
import dev.sphere.engine.template.Syntax.Statement;
import dev.sphere.engine.template.TemplateLexer.Token;
import dev.sphere.engine.template.TemplateLexer.Token.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** Makes statements of tokens by recursive descent: statements first, then expressions with Jinja2's precedences. */
final class TemplateParser {
  /** The name that a captured text has in the filters after it. No name in a template can be this one. */
  static final String CAPTURED = "{captured}";

  private static final int DEEPEST = 100; // brackets and blocks inside one another, where templates have a dozen
  private static final int MOST_PARAMETERS = 255;

  private final List<Token> tokens;
  private int at;
  private int depth;
  private int loops; // that a break or continue may mean
  private String end; // the word of the tag that ended the last body
  private Set<String> names = new HashSet<>(); // read since the innermost macro began: whether it takes any arguments

  private TemplateParser(List<Token> tokens) {
    this.tokens = tokens;
  }

  static List<Statement> parse(String source) {
    TemplateParser parser = new TemplateParser(TemplateLexer.tokens(source));
    return parser.body(1, "template");
  }

  private Token peek() {
    return tokens.get(at);
  }

  private Token peekNext() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  private Token next() {
    Token t = tokens.get(at);
    if (t.kind() != Kind.LAST) {
      at++;
    }
    return t;
  }

  private TemplateException error(Token at, String message) {
    return new TemplateException("line " + at.line() + ": " + message);
  }

  private boolean take(String operator) {
    if (peek().is(operator)) {
      at++;
      return true;
    }
    return false;
  }

  private boolean takeName(String name) {
    if (peek().isName(name)) {
      at++;
      return true;
    }
    return false;
  }

  private void expect(String operator) {
    if (!take(operator)) {
      throw error(peek(), "'" + operator + "' expected, there is " + peek().describe());
    }
  }

  /** Reads items with commas between them, a last comma allowed, and the bracket that closes them. */
  private void listed(String close, Runnable item) {
    while (!take(close)) {
      item.run();
      if (!peek().is(close)) {
        expect(",");
      }
    }
  }

  private String expectName() {
    Token t = next();
    if (t.kind() != Kind.NAME) {
      throw error(t, "a name expected, there is " + t.describe());
    }
    return t.text();
  }

  private void enter() {
    if (++depth > DEEPEST) {
      throw error(peek(), "brackets and blocks are nested more than " + DEEPEST + " levels deep");
    }
  }

  private void leave() {
    depth--;
  }

  /** Statements up to a tag that begins with one of the words; the tag is left after its word. */
  private List<Statement> body(int line, String of, String... ends) {
    enter();
    List<Statement> statements = new ArrayList<>();
    while (true) {
      Token t = next();
      switch (t.kind()) {
        case DATA -> statements.add(new Statement.Data(t.line(), MarkedText.of(t.text())));
        case PRINT -> {
          statements.add(new Statement.Print(t.line(), tuple()));
          close();
        }
        case BLOCK -> {
          String word = expectName();
          if (List.of(ends).contains(word)) {
            end = word;
            leave();
            return statements;
          }
          statements.add(statement(t, word));
        }
        default -> {
          if (ends.length > 0) {
            throw error(t, "the " + of + " of line " + line + " is not closed: " + String.join(" or ", ends)
                + " expected");
          }
          leave();
          return statements;
        }
      }
    }
  }

  private void close() {
    Token t = next();
    if (t.kind() != Kind.END) {
      throw error(t, "the end of the tag expected, there is " + t.describe());
    }
  }

  private List<Statement> closedBody(int line, String of, String word) {
    close();
    List<Statement> body = body(line, of, word);
    if (peek().kind() == Kind.NAME) {
      next(); // {% endmacro name %}
    }
    close();
    return body;
  }

  private Statement statement(Token tag, String word) {
    int line = tag.line();
    return switch (word) {
      case "if" -> conditional(line);
      case "for" -> loop(line);
      case "set" -> set(tag);
      case "macro" -> {
        String name = expectName();
        yield macro(line, word, name, parameters());
      }
      case "call" -> callBlock(tag);
      case "filter" -> {
        Expr value = filters(new Expr.Filter(line, new Expr.Name(line, CAPTURED), expectName(),
            peek().is("(") ? arguments() : Expr.Arguments.NONE));
        yield new Statement.Capture(line, null, value, closedBody(line, word, "endfilter"));
      }
      case "with" -> with(line);
      case "generation" -> new Statement.Block(line, closedBody(line, word, "endgeneration"));
      case "break", "continue" -> {
        if (loops == 0) {
          throw error(tag, "'" + word + "' outside of a loop");
        }
        close();
        yield word.equals("break") ? new Statement.Break(line) : new Statement.Continue(line);
      }
      default -> throw error(tag, word.startsWith("end") || word.startsWith("el")
          ? "'" + word + "' closes nothing"
          : "the statement '" + word + "' is not known to chat templates");
    };
  }

  private Statement conditional(int line) {
    List<Expr> conditions = new ArrayList<>();
    List<List<Statement>> branches = new ArrayList<>();
    do {
      conditions.add(tuple());
      close();
      branches.add(body(line, "if", "elif", "else", "endif"));
    } while (end.equals("elif"));
    return new Statement.If(line, conditions, branches, otherwise(line, "endif"));
  }

  /** What stands after the else that ended the last body, up to a tag of that word; nothing where that word ended it. */
  private List<Statement> otherwise(int line, String word) {
    if (end.equals("else")) {
      return closedBody(line, "else", word);
    }
    close();
    return List.of();
  }

  private Statement loop(int line) {
    List<String> targets = targets("in");
    if (!takeName("in")) {
      throw error(peek(), "'in' expected, there is " + peek().describe());
    }
    Expr over = withoutCondition();
    Expr condition = takeName("if") ? expression() : null;
    if (peek().isName("recursive")) {
      throw error(peek(), "recursive loops are not known to chat templates");
    }
    close();
    loops++;
    List<Statement> body = body(line, "for", "else", "endfor");
    loops--;
    return new Statement.For(line, targets, over, condition, body, otherwise(line, "endfor"));
  }

  /** Names with commas between them, in brackets or not. */
  private List<String> targets(String stop) {
    boolean bracket = take("(");
    List<String> targets = new ArrayList<>();
    do {
      if (peek().isName(stop) || peek().is(stop) || peek().is(")")) {
        break;
      }
      targets.add(target());
    } while (take(","));
    if (bracket) {
      expect(")");
    }
    return targets;
  }

  private String target() {
    Token t = peek();
    String name = expectName();
    if (Set.of("true", "false", "none", "True", "False", "None").contains(name)) {
      throw error(t, "'" + name + "' cannot be set");
    }
    return name;
  }

  private Statement set(Token tag) {
    int line = tag.line();
    List<String> targets = targets("=");
    if (targets.isEmpty()) {
      throw error(tag, "'set' without a name");
    }
    String attribute = targets.size() == 1 && take(".") ? expectName() : null;
    if (take("=")) {
      Expr value = tuple();
      close();
      return new Statement.Set(line, targets, attribute, value);
    }
    if (targets.size() > 1 || attribute != null) {
      throw error(peek(), "'=' expected, there is " + peek().describe());
    }
    Expr value = filters(new Expr.Name(line, CAPTURED));
    return new Statement.Capture(line, targets.getFirst(), value, closedBody(line, "set", "endset"));
  }

  /** The parameters of a macro; the last of them may have defaults. */
  private record Parameters(List<String> names, List<Expr> defaults) {}

  private Parameters parameters() {
    List<String> parameters = new ArrayList<>();
    List<Expr> defaults = new ArrayList<>();
    expect("(");
    listed(")", () -> {
      String parameter = target();
      if (parameters.size() == MOST_PARAMETERS) {
        throw error(peek(), "a macro with more than " + MOST_PARAMETERS + " parameters");
      }
      if (parameters.contains(parameter)) {
        throw error(peek(), "the parameter '" + parameter + "' stands there twice");
      }
      parameters.add(parameter);
      if (take("=")) {
        defaults.add(expression());
      } else if (!defaults.isEmpty()) {
        throw error(peek(), "a parameter without a default after one with a default");
      }
    });
    return new Parameters(parameters, defaults);
  }

  /** A macro, or the body of a call block, whose tag has been read up to its end. */
  private Statement.Macro macro(int line, String word, String name, Parameters parameters) {
    Set<String> outside = names;
    int outsideLoops = loops;
    names = new HashSet<>();
    loops = 0;
    List<Statement> body = closedBody(line, word, "end" + word);
    boolean more = names.contains("varargs");
    boolean named = names.contains("kwargs");
    names = outside;
    loops = outsideLoops;
    return new Statement.Macro(line, name, parameters.names(), parameters.defaults(), body, more, named);
  }

  private Statement callBlock(Token tag) {
    Parameters parameters = peek().is("(") ? parameters() : new Parameters(List.of(), List.of());
    if (!(expression() instanceof Expr.Call call)) {
      throw error(tag, "'call' needs the call of a macro");
    }
    return new Statement.CallBlock(tag.line(), macro(tag.line(), "call", "caller", parameters), call);
  }

  private Statement with(int line) {
    List<String> targets = new ArrayList<>();
    List<Expr> values = new ArrayList<>();
    while (peek().kind() != Kind.END) {
      targets.add(target());
      expect("=");
      values.add(expression());
      if (peek().kind() != Kind.END) {
        expect(",");
      }
    }
    return new Statement.With(line, targets, values, closedBody(line, "with", "endwith"));
  }

  /** An expression; with commas a tuple. */
  private Expr tuple() {
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

  private Expr expression() {
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
  private Expr withoutCondition() {
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
    return logic("or", this::and);
  }

  private Expr and() {
    return logic("and", this::not);
  }

  private Expr logic(String word, Supplier<Expr> operand) {
    Expr left = operand.get();
    while (peek().isName(word)) {
      int line = next().line();
      left = new Expr.Logic(line, word.equals("and"), left, operand.get());
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
    return binary(this::concatenation, "+", "-");
  }

  private Expr concatenation() {
    return binary(this::product, "~");
  }

  private Expr product() {
    return binary(this::power, "*", "/", "//", "%");
  }

  private Expr power() {
    return binary(() -> unary(true), "**");
  }

  /** Operands with any of these operators between them, computed from the left. */
  private Expr binary(Supplier<Expr> operand, String... operators) {
    Expr left = operand.get();
    while (peek().kind() == Kind.OPERATOR && List.of(operators).contains(peek().text())) {
      Token o = next();
      left = new Expr.Binary(o.line(), o.text(), left, operand.get());
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
    listed("]", () -> elements.add(expression()));
    return new Expr.Sequence(open.line(), elements, false);
  }

  private Expr dict(Token open) {
    List<Expr> keys = new ArrayList<>();
    List<Expr> values = new ArrayList<>();
    listed("}", () -> {
      keys.add(expression());
      expect(":");
      values.add(expression());
    });
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
  private Expr filters(Expr value) {
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

  private Expr.Arguments arguments() {
    enter();
    expect("(");
    List<Expr> positional = new ArrayList<>();
    Map<String, Expr> named = new LinkedHashMap<>();
    listed(")", () -> {
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
    });
    leave();
    return new Expr.Arguments(positional, named);
  }
}
