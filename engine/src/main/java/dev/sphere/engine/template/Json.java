package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import java.util.List;
import java.util.Map;

/** The filter {@code tojson} of Hugging Face's tokenizers: on one line, characters beyond ASCII as they are. */
final class Json {
  private final RenderBudget budget;
  private final MarkedText.Builder out = new MarkedText.Builder();

  private Json(RenderBudget budget) {
    this.budget = budget;
  }

  static MarkedText of(Object value, Args args) {
    if (Args.isTrue(args.bind("ensure_ascii")[0])) {
      throw args.error("writes characters beyond ASCII as they are");
    }
    Json json = new Json(args.budget());
    json.write(value);
    return json.out.build();
  }

  private void append(String text) {
    budget.append(out, MarkedText.of(text));
  }

  private void write(Object value) {
    budget.enter();
    switch (value) {
      case MarkedText t -> quoted(t);
      case Boolean b -> append(b.toString());
      case Long n -> append(n.toString());
      case Values.None n -> append("null");
      case List<?> list -> {
        append("[");
        for (int i = 0; i < list.size(); i++) {
          append(i == 0 ? "" : ", ");
          write(list.get(i));
        }
        append("]");
      }
      case Map<?, ?> map -> {
        append("{");
        String comma = "";
        for (Map.Entry<?, ?> e : map.entrySet()) {
          append(comma);
          write(Values.text(budget, e.getKey()));
          append(": ");
          write(e.getValue());
          comma = ", ";
        }
        append("}");
      }
      default -> throw budget.error("a " + Values.type(Values.defined(budget, value)) + " cannot be written as JSON");
    }
    budget.leave();
  }

  private void quoted(MarkedText text) {
    append("\"");
    String s = text.text();
    int done = 0;
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c < 0x20 || c == '"' || c == '\\') {
        String escaped = switch (c) {
          case '"' -> "\\\"";
          case '\\' -> "\\\\";
          case '\n' -> "\\n";
          case '\r' -> "\\r";
          case '\t' -> "\\t";
          case '\b' -> "\\b";
          case '\f' -> "\\f";
          default -> "\\u%04x".formatted((int) c);
        };
        budget.append(out, text.substring(done, i));
        budget.append(out, new MarkedText.Builder().append(escaped, text.substring(i, i + 1)).build());
        done = i + 1;
      }
    }
    budget.append(out, text.substring(done, s.length()));
    append("\"");
  }
}
