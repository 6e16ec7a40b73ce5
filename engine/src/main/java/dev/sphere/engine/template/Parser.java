package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Token.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Tokens to statements. */
final class Parser extends ExpressionParser {
  private static final int MOST_PARAMETERS = 255;

  private int loops; // that a break or continue may mean
  private String end; // the word of the tag that ended the last body

  private Parser(List<Token> tokens) {
    super(tokens);
  }

  static List<Statement> parse(String source) {
    Parser parser = new Parser(Lexer.tokens(source));
    return parser.body(1, "template");
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
      case "macro" -> macro(line, expectName(), word, "endmacro");
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
    List<Statement> otherwise = List.of();
    if (end.equals("else")) {
      otherwise = closedBody(line, "else", "endif");
    } else {
      close();
    }
    return new Statement.If(line, conditions, branches, otherwise);
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
    List<Statement> otherwise = List.of();
    if (end.equals("else")) {
      otherwise = closedBody(line, "else", "endfor");
    } else {
      close();
    }
    return new Statement.For(line, targets, over, condition, body, otherwise);
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

  private Statement.Macro macro(int line, String name, String what, String endWord) {
    List<String> parameters = new ArrayList<>();
    List<Expr> defaults = new ArrayList<>();
    if (what.equals("macro") || peek().is("(")) {
      expect("(");
      while (!take(")")) {
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
        if (!peek().is(")")) {
          expect(",");
        }
      }
    }
    return what.equals("macro") ? bodyOf(line, name, parameters, defaults, what, endWord)
        : new Statement.Macro(line, name, parameters, defaults, List.of(), false, false);
  }

  private Statement.Macro bodyOf(
      int line, String name, List<String> parameters, List<Expr> defaults, String what, String endWord) {
    Set<String> outside = names;
    int outsideLoops = loops;
    names = new HashSet<>();
    loops = 0;
    List<Statement> body = closedBody(line, what, endWord);
    boolean more = names.contains("varargs");
    boolean named = names.contains("kwargs");
    names = outside;
    loops = outsideLoops;
    return new Statement.Macro(line, name, parameters, defaults, body, more, named);
  }

  private Statement callBlock(Token tag) {
    Statement.Macro head = macro(tag.line(), "caller", "call", "endcall");
    Expr called = expression();
    if (!(called instanceof Expr.Call call)) {
      throw error(tag, "'call' needs the call of a macro");
    }
    Statement.Macro caller = bodyOf(tag.line(), "caller", head.parameters(), head.defaults(), "call", "endcall");
    return new Statement.CallBlock(tag.line(), caller, call);
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
}
