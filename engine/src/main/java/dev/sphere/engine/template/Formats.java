package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Items;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Python's formatting, as far as it names whole values: no widths, no attributes, no elements. */
final class Formats {
  private static final int MOST_PLACES = 20;
  private static final int LONGEST_NUMBER = 330; // digits of the largest real number, and its places

  private Formats() {}

  /** {@code format % value}: %s, %r, %d, %i, %f, %.2f and %%. */
  static MarkedText percent(RenderBudget budget, MarkedText format, Object value) {
    List<Object> values = value instanceof Items i && i.kind == Items.Kind.TUPLE ? i.elements : List.of(value);
    MarkedText.Builder out = new MarkedText.Builder();
    String f = format.text();
    int used = 0;
    int done = 0;
    budget.spendText(f.length());
    for (int at = f.indexOf('%'); at >= 0; at = f.indexOf('%', done)) {
      out.append(format, done, at);
      int end = at + 1;
      while (end < f.length() && end < at + 5 && (f.charAt(end) == '.' || Character.isDigit(f.charAt(end)))) {
        end++;
      }
      char kind = end < f.length() ? f.charAt(end) : ' ';
      done = Math.min(f.length(), end + 1);
      if (kind == '%' && end == at + 1) {
        out.append(format, end, end + 1);
        continue;
      }
      if (used == values.size()) {
        throw budget.error("the format has more places than there are values");
      }
      directive(budget, f.substring(at + 1, end), kind, values.get(used++), out);
      if (out.length() > RenderBudget.LONGEST_TEXT) {
        throw budget.error("the format makes more than " + RenderBudget.LONGEST_TEXT + " characters");
      }
    }
    if (used < values.size() && !(value instanceof Map<?, ?>)) {
      throw budget.error("the format has fewer places than there are values");
    }
    return out.append(format, done, f.length()).build();
  }

  private static void directive(
      RenderBudget budget, String options, char kind, Object value, MarkedText.Builder out) {
    switch (kind) {
      case 's' -> {
        if (options.isEmpty()) {
          MarkedText text = Values.text(budget, value);
          budget.spendText(text.length());
          out.append(text);
          return;
        }
      }
      case 'r' -> {
        if (options.isEmpty()) {
          Values.repr(budget, value, out);
          return;
        }
      }
      case 'd', 'i' -> {
        if (options.isEmpty() && Values.number(value) instanceof Number n) {
          boolean whole = n instanceof Long;
          budget.spend(whole ? 20 : LONGEST_NUMBER);
          out.append(whole ? n.toString() : new BigDecimal(finite(budget, n.doubleValue())).toBigInteger().toString());
          return;
        }
      }
      case 'f' -> {
        if (Values.number(value) instanceof Number n && (options.isEmpty() || options.matches("\\.\\d{1,2}"))) {
          int places = options.isEmpty() ? 6 : Integer.parseInt(options, 1, options.length(), 10);
          if (places <= MOST_PLACES) {
            out.append(fixed(budget, n.doubleValue(), places));
            return;
          }
        }
      }
      default -> { }
    }
    throw budget.error("the format '%" + options + kind + "' is not known for a " + Values.type(value)
        + ": %s, %r, %d, %f and %.2f are");
  }

  private static double finite(RenderBudget budget, double d) {
    if (Double.isNaN(d) || Double.isInfinite(d)) {
      throw budget.error("the value to format is no number");
    }
    return d;
  }

  /** A number with that many decimal places; half goes to even, of the exact binary value, as in Python. */
  static String fixed(RenderBudget budget, double d, int places) {
    budget.spend(LONGEST_NUMBER);
    return new BigDecimal(finite(budget, d)).setScale(places, RoundingMode.HALF_EVEN).toPlainString();
  }

  /** {@code format.format(...)}: {}, {0} and {name}, with {{ and }} for braces; {:.2f} and {:d}, no other option. */
  static MarkedText braces(MarkedText format, Args args) {
    RenderBudget budget = args.budget();
    MarkedText.Builder out = new MarkedText.Builder();
    String f = format.text();
    budget.spendText(f.length());
    int next = 0;
    for (int i = 0; i < f.length(); i++) {
      char c = f.charAt(i);
      if (c != '{' && c != '}') {
        out.append(format, i, i + 1);
      } else if (f.startsWith(c == '{' ? "{" : "}", i + 1)) {
        out.append(format, i, i + 1);
        i++;
      } else {
        int end = c == '{' ? f.indexOf('}', i) : -1;
        if (end < 0 || end - i > 100) {
          throw args.error("has a format with a single '" + c + "'");
        }
        String field = f.substring(i + 1, end);
        int colon = field.indexOf(':');
        String name = colon < 0 ? field : field.substring(0, colon);
        Object value = name.isEmpty() ? at(args, next++) : named(args, name);
        String option = colon < 0 ? "" : field.substring(colon + 1);
        if (option.isEmpty()) {
          MarkedText text = Values.text(budget, value);
          budget.spendText(text.length());
          out.append(text);
        } else {
          directive(budget, option.substring(0, option.length() - 1), option.charAt(option.length() - 1), value, out);
        }
        if (out.length() > RenderBudget.LONGEST_TEXT) {
          throw args.error("makes more than " + RenderBudget.LONGEST_TEXT + " characters");
        }
        i = end;
      }
    }
    return out.build();
  }

  private static Object at(Args args, int index) {
    if (index >= args.positional().size()) {
      throw args.error("has no value for place " + index);
    }
    return args.positional().get(index);
  }

  private static Object named(Args args, String name) {
    if (name.chars().allMatch(c -> c >= '0' && c <= '9') && name.length() < 6) {
      return at(args, Integer.parseInt(name));
    }
    Object value = args.named().get(name);
    if (value == null) {
      throw args.error("has no value for '" + name.toLowerCase(Locale.ROOT) + "': a format names values, no attributes "
          + "and no elements");
    }
    return value;
  }
}
