package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Items;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The filter {@code tojson} as Hugging Face has it: Python's json.dumps, without escapes beyond ASCII. */
final class JsonFilter {
  private static final int WIDEST_INDENT = 100;

  private final RenderBudget budget;
  private final String indent; // null: all on one line
  private final String item;
  private final String key;
  private final boolean sorted;
  private final boolean ascii;
  private final MarkedText.Builder out = new MarkedText.Builder();
  private int depth;

  private JsonFilter(RenderBudget budget, String indent, String item, String key, boolean sorted, boolean ascii) {
    this.budget = budget;
    this.indent = indent;
    this.item = item;
    this.key = key;
    this.sorted = sorted;
    this.ascii = ascii;
  }

  static Object dump(Object value, Args args) {
    Object[] given = args.bind("ensure_ascii", "indent", "separators", "sort_keys");
    String indent = null;
    if (given[1] instanceof MarkedText t && t.length() <= WIDEST_INDENT) {
      indent = t.text();
    } else if (given[1] != null && given[1] != Values.None.NONE) {
      long width = args.integer(given[1], 0);
      if (width > WIDEST_INDENT) {
        throw args.error("takes an indent of at most " + WIDEST_INDENT);
      }
      indent = " ".repeat((int) Math.max(0, width));
    }
    String item = indent == null ? ", " : ",";
    String key = ": ";
    if (given[2] instanceof Items i && i.elements.size() == 2) {
      item = args.text(i.elements.get(0)).text();
      key = args.text(i.elements.get(1)).text();
    }
    JsonFilter json = new JsonFilter(args.budget(), indent, item, key, Args.isTrue(given[3]), Args.isTrue(given[0]));
    json.write(value);
    return json.out.build();
  }

  private void append(String text) {
    budget.spendText(text.length());
    out.append(text);
  }

  private void newLine() {
    if (indent != null) {
      budget.spend(depth);
      append("\n");
      for (int i = 0; i < depth; i++) {
        append(indent);
      }
    }
  }

  private void write(Object value) {
    budget.enter();
    switch (value) {
      case MarkedText t -> quoted(t);
      case Boolean b -> append(b ? "true" : "false");
      case Long n -> append(n.toString());
      case Double d -> append(d.isNaN() ? "NaN" : d.isInfinite() ? d > 0 ? "Infinity" : "-Infinity" : Values.real(d));
      case Values.None n -> append("null");
      case Items i when i.kind != Items.Kind.STREAM -> list(i.elements);
      case Map<?, ?> m -> dict(m);
      default -> throw budget.error(
          "a " + Values.type(Values.defined(budget, value)) + " cannot be written as JSON");
    }
    if (out.length() > RenderBudget.LONGEST_TEXT) {
      throw budget.error("'tojson' makes more than " + RenderBudget.LONGEST_TEXT + " characters");
    }
    budget.leave();
  }

  private void list(List<Object> elements) {
    append("[");
    depth++;
    for (int i = 0; i < elements.size(); i++) {
      append(i == 0 ? "" : item);
      newLine();
      write(elements.get(i));
    }
    depth--;
    if (!elements.isEmpty()) {
      newLine();
    }
    append("]");
  }

  private void dict(Map<?, ?> map) {
    append("{");
    depth++;
    List<Object> keys = new ArrayList<>(map.keySet());
    budget.spendElements(keys.size());
    if (sorted) {
      keys.sort((a, b) -> Values.compare(budget, a, b));
    }
    for (int i = 0; i < keys.size(); i++) {
      append(i == 0 ? "" : item);
      newLine();
      Object k = keys.get(i);
      if (k instanceof MarkedText t) {
        quoted(t);
      } else {
        append("\"");
        write(k);
        append("\"");
      }
      append(key);
      write(map.get(k));
    }
    depth--;
    if (!keys.isEmpty()) {
      newLine();
    }
    append("}");
  }

  private void quoted(MarkedText t) {
    budget.spendText(2L + t.length());
    out.append("\"");
    String s = t.text();
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      String escaped = switch (c) {
        case '"' -> "\\\"";
        case '\\' -> "\\\\";
        case '\n' -> "\\n";
        case '\r' -> "\\r";
        case '\t' -> "\\t";
        case '\b' -> "\\b";
        case '\f' -> "\\f";
        default -> c < 0x20 || ascii && c > 0x7e ? "\\u%04x".formatted((int) c) : null;
      };
      if (escaped == null) {
        out.append(t, i, i + 1);
      } else {
        budget.spend(escaped.length());
        out.append(escaped, t.substring(i, i + 1));
      }
    }
    out.append("\"");
  }
}
