package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.template.Values.Function;
import dev.sphere.engine.template.Values.Namespace;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The global functions of a template: Jinja2's, and those that Hugging Face's tokenizers add. */
final class Functions {
  private Functions() {}

  static void define(Scope scope, Optional<LocalDate> today) {
    scope.set("range", (Function) Functions::range);
    scope.set("namespace", (Function) args -> {
      if (!args.positional().isEmpty()) {
        throw args.error("takes values with names only");
      }
      args.budget().spendElements(2L * args.named().size());
      return new Namespace(new HashMap<>(args.named()));
    });
    scope.set("raise_exception", (Function) args -> {
      MarkedText message = Values.text(args.budget(), args.one("message"));
      throw new TemplateException("the template says: " + message.text());
    });
    today.ifPresent(date -> scope.set("strftime_now", (Function) args -> date(args, date)));
  }

  private static Object range(Args args) {
    Object[] given = args.bind("start", "stop", "step");
    long start = given[1] == null ? 0 : args.integer(given[0]);
    long stop = args.integer(given[1] == null ? given[0] : given[1]);
    long step = given[2] == null ? 1 : args.integer(given[2]);
    if (step == 0 || start != (int) start || stop != (int) stop || step != (int) step) {
      throw args.error("needs integers of 32 bits, and a step that is not 0");
    }
    List<Object> numbers = new ArrayList<>();
    for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
      if (numbers.size() == RenderBudget.LONGEST_RANGE) {
        throw args.error("has more than " + RenderBudget.LONGEST_RANGE + " numbers");
      }
      args.budget().spendElements(1);
      numbers.add(i);
    }
    return numbers;
  }

  private static Object date(Args args, LocalDate today) {
    MarkedText format = args.text(args.one("format"));
    StringBuilder out = new StringBuilder();
    String f = format.text();
    args.budget().spendText(12L * f.length());
    for (int i = 0; i < f.length(); i++) {
      char c = f.charAt(i);
      if (c == '%') {
        String pattern = switch (++i < f.length() ? f.charAt(i) : ' ') {
          case 'd' -> "dd";
          case 'm' -> "MM";
          case 'Y' -> "yyyy";
          case 'B' -> "MMMM";
          case 'b' -> "MMM";
          default -> throw args.error("knows %d, %m, %Y, %B and %b");
        };
        out.append(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(today));
      } else {
        out.append(c);
      }
    }
    return new MarkedText.Builder().append(out.toString(), format).build();
  }
}
