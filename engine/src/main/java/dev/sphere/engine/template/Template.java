package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy.Message;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A parsed template. Immutable, so safe to share.
 *
 * <p>Whatever the template says, a rendering ends: with its text or with an {@link IllegalArgumentException} that names
 * the line. It reads no file, no class, no property and no clock.
 */
public final class Template {
  /** Roles that a chat template may put into a special token's text ({@code <|user|>}); any other is message text. */
  private static final Set<String> ROLES = Set.of(
      "system", "developer", "user", "assistant", "tool", "function", "ipython", "observation", "model");

  private final List<Syntax.Statement> statements;

  private Template(List<Syntax.Statement> statements) {
    this.statements = statements;
  }

  /**
   * Parses a template.
   *
   * @throws IllegalArgumentException when the text is none; names what is not understood, and its line
   */
  public static Template parse(String source) {
    return new Template(TemplateParser.parse(source));
  }

  /**
   * Renders a dialogue.
   *
   * @param values further variables: texts and booleans
   * @param today the date that {@code strftime_now} tells; null where there is to be no such function
   * @return the text; marked is what comes from the messages
   * @throws IllegalArgumentException when the template refuses, fails, or does more than it may; says why
   */
  public MarkedText render(List<Message> messages, Map<String, Object> values, LocalDate today) {
    long input = 0;
    List<Object> list = new ArrayList<>();
    for (Message m : messages) {
      Map<Object, Object> message = new LinkedHashMap<>();
      boolean known = ROLES.contains(m.role());
      message.put(MarkedText.of("role"), known ? MarkedText.of(m.role()) : MarkedText.content(m.role()));
      message.put(MarkedText.of("content"), MarkedText.content(m.content()));
      input += m.role().length() + m.content().length();
      list.add(message);
    }
    RenderBudget budget = new RenderBudget(input);
    Interpreter.Scope scope = new Interpreter.Scope(null);
    Functions.define(scope, today);
    scope.set("messages", Values.Items.list(list));
    values.forEach((k, v) -> scope.set(k, v instanceof String s ? MarkedText.of(s) : (Boolean) v));
    return new Interpreter(budget).run(statements, new Interpreter.Scope(scope));
  }

  /**
   * Renders a text of our own.
   *
   * @param values the variables: texts, numbers, booleans, null, and lists and maps (by text) of them
   * @throws IllegalArgumentException as above
   */
  public String render(Map<String, ?> values) {
    long[] input = new long[1];
    Interpreter.Scope scope = new Interpreter.Scope(null);
    Map<String, Object> own = new LinkedHashMap<>();
    values.forEach((k, v) -> own.put(k, value(v, input)));
    Functions.define(scope, null);
    own.forEach(scope::set);
    return new Interpreter(new RenderBudget(input[0])).run(statements, new Interpreter.Scope(scope)).text();
  }

  /** A template's value of a Java value; its characters and elements are added to {@code input}. */
  private static Object value(Object value, long[] input) {
    input[0]++;
    return switch (value) {
      case null -> Values.None.NONE;
      case String s -> {
        input[0] += s.length();
        yield MarkedText.of(s);
      }
      case Integer i -> i.longValue();
      case Long l -> l;
      case Double d -> d;
      case Boolean b -> b;
      case List<?> list -> {
        List<Object> all = new ArrayList<>();
        list.forEach(v -> all.add(value(v, input)));
        yield Values.Items.list(all);
      }
      case Map<?, ?> map -> {
        Map<Object, Object> all = new LinkedHashMap<>();
        map.forEach((k, v) -> all.put(MarkedText.of((String) k), value(v, input)));
        yield all;
      }
      default -> throw new IllegalArgumentException("no value of a template: " + value.getClass());
    };
  }
}
