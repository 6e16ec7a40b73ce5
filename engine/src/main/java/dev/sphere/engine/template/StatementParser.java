package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Statement.Signal;
import dev.sphere.engine.template.Token.Kind;
import dev.sphere.engine.template.Values.Function;
import dev.sphere.engine.template.Values.Loop;
import dev.sphere.engine.template.Values.Namespace;
import dev.sphere.engine.template.Values.Undefined;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Makes statements of a source's tokens. */
final class StatementParser extends ExpressionParser {
  private static final int MOST_PARAMETERS = 255;

  private int loops; // around the statement, up to the macro around it
  private String end; // the word of the tag that ended the last body

  private StatementParser(String source) {
    super(Lexer.tokens(source));
  }

  /** Parses a whole template. */
  static Statement parse(String source) {
    return new StatementParser(source).body("template", 1);
  }

  private static Statement node(Token token, Statement statement) {
    return (scope, out) -> {
      scope.budget.enter(token.line());
      Signal signal = statement.run(scope, out);
      scope.budget.leave();
      return signal;
    };
  }

  /** Statements up to a tag that begins with one of the words; the tag is left after its word. */
  private Statement body(String of, int line, String... ends) {
    enter();
    List<Statement> statements = new ArrayList<>();
    while (true) {
      Token t = next();
      switch (t.kind()) {
        case DATA -> statements.add(print(t, s -> MarkedText.of(t.text())));
        case PRINT -> {
          Expr value = expression();
          close();
          statements.add(print(t, value));
        }
        case BLOCK -> {
          String word = expectName();
          if (List.of(ends).contains(word)) {
            end = word;
            leave();
            return Statement.sequence(statements);
          }
          statements.add(node(t, statement(t, word)));
        }
        default -> {
          if (ends.length > 0) {
            throw t.error("the " + of + " of line " + line + " is not closed: " + String.join(" or ", ends)
                + " expected");
          }
          leave();
          return Statement.sequence(statements);
        }
      }
    }
  }

  private static Statement print(Token token, Expr value) {
    return node(token, (scope, out) -> {
      scope.budget.append(out, Values.text(scope.budget, value.value(scope)));
      return Signal.END;
    });
  }

  private void close() {
    if (peek().kind() != Kind.END) {
      throw expected("the end of the tag");
    }
    next();
  }

  private Statement closedBody(Token tag, String of) {
    close();
    Statement body = body(of, tag.line(), "end" + of);
    close();
    return body;
  }

  private Statement statement(Token tag, String word) {
    return switch (word) {
      case "if" -> conditional(tag);
      case "for" -> loop(tag);
      case "set" -> set(tag);
      case "macro" -> macro(tag);
      case "generation" -> closedBody(tag, word); // marks the assistant's text for training; nothing but its body here
      case "break", "continue" -> {
        if (loops == 0) {
          throw tag.error("'" + word + "' outside of a loop");
        }
        close();
        yield (scope, out) -> word.equals("break") ? Signal.BREAK : Signal.CONTINUE;
      }
      default -> throw tag.error(word.startsWith("end") || word.startsWith("el")
          ? "'" + word + "' closes nothing"
          : "the statement '" + word + "' is not known to chat templates");
    };
  }

  /** The text that a body writes. */
  private static MarkedText captured(Statement body, Scope scope) {
    MarkedText.Builder out = new MarkedText.Builder();
    body.run(new Scope(scope), out);
    return out.build();
  }

  private record Branch(Expr condition, Statement body) {}

  private Statement conditional(Token tag) {
    List<Branch> branches = new ArrayList<>();
    do {
      Expr condition = expression();
      close();
      branches.add(new Branch(condition, body("if", tag.line(), "elif", "else", "endif")));
    } while (end.equals("elif"));
    branches.add(new Branch(s -> true, otherwise(tag, "if")));
    return (scope, out) -> {
      for (Branch branch : branches) {
        if (Values.isTrue(branch.condition.value(scope))) {
          return branch.body.run(scope, out);
        }
      }
      return Signal.END;
    };
  }

  /** The body after an {@code else}; an empty one where the end tag ended the body before. */
  private Statement otherwise(Token tag, String of) {
    if (end.equals("else")) {
      return closedBody(tag, of);
    }
    close();
    return Statement.sequence(List.of());
  }

  private Statement loop(Token tag) {
    List<String> targets = new ArrayList<>();
    do {
      targets.add(target());
    } while (take(","));
    if (!takeName("in")) {
      throw expected("'in'");
    }
    Expr over = condition();
    Expr condition = takeName("if") ? expression() : s -> true;
    close();
    loops++;
    Statement body = body("for", tag.line(), "else", "endfor");
    loops--;
    Statement otherwise = otherwise(tag, "for");
    return (scope, out) -> {
      List<Object> taken = new ArrayList<>();
      for (Object element : Values.elements(scope.budget, over.value(scope))) {
        scope.budget.spendElements(1);
        Scope inner = new Scope(scope);
        assign(targets, element, inner);
        if (Values.isTrue(condition.value(inner))) {
          taken.add(element);
        }
      }
      if (taken.isEmpty()) {
        return otherwise.run(new Scope(scope), out);
      }
      Signal signal = Signal.END;
      for (int i = 0; i < taken.size() && signal != Signal.BREAK; i++) {
        scope.budget.spend(1);
        Scope inner = new Scope(scope);
        inner.set("loop", new Loop(taken, i));
        assign(targets, taken.get(i), inner);
        signal = body.run(inner, out);
      }
      return Signal.END;
    };
  }

  private static void assign(List<String> targets, Object value, Scope scope) {
    if (targets.size() == 1) {
      scope.set(targets.getFirst(), value);
      return;
    }
    List<?> parts = Values.elements(scope.budget, Values.defined(scope.budget, value));
    if (parts.size() != targets.size()) {
      throw scope.budget.error(parts.size() + " values cannot be given to the names " + String.join(", ", targets));
    }
    scope.budget.spend(parts.size());
    for (int i = 0; i < parts.size(); i++) {
      scope.set(targets.get(i), parts.get(i));
    }
  }

  private String target() {
    Token t = peek();
    if (Set.of("true", "false", "none", "True", "False", "None").contains(t.text())) {
      throw t.error("'" + t.text() + "' cannot be set");
    }
    return expectName();
  }

  private Statement set(Token tag) {
    String target = target();
    String attribute = take(".") ? expectName() : null;
    if (attribute == null && peek().kind() == Kind.END) {
      Statement body = closedBody(tag, "set");
      return (scope, out) -> {
        scope.set(target, captured(body, scope));
        return Signal.END;
      };
    }
    expect("=");
    Expr value = expression();
    close();
    return (scope, out) -> {
      Object assigned = value.value(scope);
      if (attribute == null) {
        scope.set(target, assigned);
      } else if (scope.get(target) instanceof Namespace namespace) {
        scope.budget.spendElements(1);
        namespace.values().put(attribute, assigned);
      } else {
        throw scope.budget.error("'" + target + "." + attribute + "' cannot be set: only a namespace's attributes can");
      }
      return Signal.END;
    };
  }

  /** A macro becomes a function, which sees the variables around its definition. */
  private Statement macro(Token tag) {
    String name = expectName();
    List<String> parameters = new ArrayList<>();
    List<Expr> defaults = new ArrayList<>();
    expect("(");
    listed(")", () -> {
      Token t = peek();
      String parameter = target();
      if (parameters.contains(parameter) || parameters.size() == MOST_PARAMETERS) {
        throw t.error("a macro has at most " + MOST_PARAMETERS + " parameters, each once");
      }
      parameters.add(parameter);
      defaults.add(take("=") ? expression()
          : s -> new Undefined("the argument '" + parameter + "' of '" + name + "' was not given"));
    });
    int outside = loops;
    loops = 0;
    Statement body = closedBody(tag, "macro");
    loops = outside;
    return (around, out) -> {
      around.set(name, (Function) args -> {
        Scope inner = new Scope(around);
        inner.budget.spendElements(parameters.size());
        Object[] given = args.bind(parameters.toArray(new String[0]));
        for (int i = 0; i < given.length; i++) {
          inner.set(parameters.get(i), given[i] != null ? given[i] : defaults.get(i).value(inner));
        }
        return captured(body, inner);
      });
      return Signal.END;
    };
  }
}
