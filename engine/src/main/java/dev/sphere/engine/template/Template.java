package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy.Message;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A parsed chat template. Immutable, so safe to share.
 *
 * <p>Every rendering ends, with its text or with an {@link IllegalArgumentException} that names the line. A rendering
 * reads no file, no class, no property and no clock.
 */
public final class Template {
  /** Roles that a template may put into a special token's text ({@code <|user|>}); any other role is message text. */
  private static final Set<String> ROLES = Set.of(
      "system", "developer", "user", "assistant", "tool", "function", "ipython", "observation", "model");

  private final Statement body;

  private Template(Statement body) {
    this.body = body;
  }

  /**
   * Parses a template.
   *
   * @throws IllegalArgumentException when the source is no template; the message names the construct and its line
   */
  public static Template parse(String source) {
    return new Template(StatementParser.parse(source));
  }

  /**
   * Renders a dialogue.
   *
   * @param values further variables, each a String or a Boolean
   * @param today the date that the function {@code strftime_now} returns; without it the function is undefined
   * @return the text, with the characters of the messages marked
   * @throws IllegalArgumentException when the template refuses the dialogue, fails, or exceeds its budget
   */
  public MarkedText render(List<Message> messages, Map<String, Object> values, Optional<LocalDate> today) {
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
    Scope functions = new Scope(new RenderBudget(input));
    Functions.define(functions, today);
    functions.set("messages", list);
    values.forEach((name, v) -> functions.set(name, v instanceof String s ? MarkedText.of(s) : (Boolean) v));
    MarkedText.Builder out = new MarkedText.Builder();
    body.run(new Scope(functions), out);
    return out.build();
  }
}
