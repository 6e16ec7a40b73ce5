package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Function;
import dev.sphere.engine.template.Values.Items;
import dev.sphere.engine.template.Values.Namespace;
import java.time.LocalDate;
import java.time.format.TextStyle;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The functions that a template finds: Jinja2's and those that Hugging Face adds. */
final class Functions {
  private Functions() {}

  /** @param today what {@code strftime_now} tells; null for no such function */
  static void define(Interpreter.Scope scope, LocalDate today) {
    scope.set("range", (Function) Functions::range);
    scope.set("namespace", (Function) Functions::namespace);
    scope.set("dict", (Function) Functions::dict);
    scope.set("raise_exception", (Function) args -> {
      MarkedText message = Values.text(args.budget(), args.one("message"));
      throw new TemplateException("the template says: " + message.text());
    });
    if (today != null) {
      scope.set("strftime_now", (Function) args -> date(args, today));
    }
  }

  private static Object range(Args args) {
    if (!args.named().isEmpty() || args.positional().isEmpty()) {
      throw args.error("takes one to three integers");
    }
    Object[] given = args.bind("start", "stop", "step");
    long start = given[1] == null ? 0 : args.integer(given[0], 0);
    long stop = args.integer(given[1] == null ? given[0] : given[1], 0);
    long step = args.integer(given[2], 1);
    if (step == 0) {
      throw args.error("needs a step that is not 0");
    }
    List<Object> numbers = new ArrayList<>();
    for (long i = start; step > 0 ? i < stop : i > stop; i = Math.addExact(i, step)) {
      if (numbers.size() == RenderBudget.LONGEST_RANGE) {
        throw args.error("has more than " + RenderBudget.LONGEST_RANGE + " numbers");
      }
      args.budget().spendElements(1);
      numbers.add(i);
      if (step > 0 ? i > Long.MAX_VALUE - step : i < Long.MIN_VALUE - step) {
        break;
      }
    }
    return Items.list(numbers);
  }

  private static Object namespace(Args args) {
    Namespace namespace = new Namespace();
    dict(args).forEach((k, v) -> namespace.values.put(args.text(k).text(), v));
    return namespace;
  }

  private static Map<Object, Object> dict(Args args) {
    Map<Object, Object> values = new LinkedHashMap<>();
    if (args.positional().size() > 1) {
      throw args.error("takes one dict, and values with names");
    }
    if (!args.positional().isEmpty()) {
      Object first = args.positional().getFirst();
      if (first instanceof Map<?, ?> m) {
        args.budget().spendElements(2L * m.size());
        values.putAll(m);
      } else {
        for (Object pair : args.elements(first)) {
          List<Object> both = args.elements(pair);
          if (both.size() != 2) {
            throw args.error("needs pairs of key and value");
          }
          args.budget().spendElements(2);
          values.put(Values.key(args.budget(), both.get(0)), both.get(1));
        }
      }
    }
    args.budget().spendElements(2L * args.named().size());
    args.named().forEach((k, v) -> values.put(MarkedText.of(k), v));
    return values;
  }

  private static Object date(Args args, LocalDate today) {
    MarkedText format = args.text(args.one("format"));
    StringBuilder out = new StringBuilder();
    String f = format.text();
    args.budget().spendText(12L * f.length());
    for (int i = 0; i < f.length(); i++) {
      char c = f.charAt(i);
      if (c != '%') {
        out.append(c);
        continue;
      }
      char what = ++i < f.length() ? f.charAt(i) : ' ';
      out.append(switch (what) {
        case 'd' -> two(today.getDayOfMonth());
        case 'm' -> two(today.getMonthValue());
        case 'Y' -> Integer.toString(today.getYear());
        case 'y' -> two(today.getYear() % 100);
        case 'B' -> today.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
        case 'b' -> today.getMonth().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
        case 'A' -> today.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
        case 'a' -> today.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
        case 'H', 'M', 'S' -> "00";
        case '%' -> "%";
        default -> throw args.error("does not know %" + what);
      });
    }
    return new MarkedText.Builder().append(out.toString(), format).build();
  }

  private static String two(int n) {
    return (n < 10 ? "0" : "") + n;
  }
}
