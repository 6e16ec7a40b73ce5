package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * What a template computes with: {@link MarkedText}, Long, Double, Boolean, {@link None}, {@link Undefined},
 * {@link Items}, Map (a dict), {@link Namespace}, {@link Function}. This is Python's arithmetic of truth, equality, order
 * and text for them.
 */
final class Values {
  private Values() {}

  /** Python's None. */
  enum None {
    NONE
  }

  /** What is not there: empty when printed, an error when anything is asked of it. */
  record Undefined(String why) {}

  /** A list, a tuple, or what a filter makes one after another (true even when empty, and read once). */
  static final class Items {
    enum Kind {
      LIST,
      TUPLE,
      STREAM
    }

    final Kind kind;
    final List<Object> elements;
    private boolean read;

    Items(Kind kind, List<Object> elements) {
      this.kind = kind;
      this.elements = elements;
    }

    static Items list(List<Object> elements) {
      return new Items(Kind.LIST, elements);
    }

    List<Object> read() {
      if (kind == Kind.STREAM && read) {
        return List.of();
      }
      read = true;
      return elements;
    }
  }

  /** What a template may write to from within a loop. */
  static final class Namespace {
    final Map<String, Object> values = new java.util.HashMap<>();
  }

  /** What can be called. */
  interface Function {
    Object call(Args args);
  }

  /** The variable {@code loop}: where a loop is. */
  static final class Loop {
    private final List<Object> elements;
    private int at;
    private List<Object> seen; // by loop.changed

    Loop(List<Object> elements) {
      this.elements = elements;
    }

    void moveTo(int index) {
      at = index;
    }

    /** An attribute; null for one that loops have not. */
    Object get(String name) {
      int length = elements.size();
      return switch (name) {
        case "index" -> at + 1L;
        case "index0" -> (long) at;
        case "revindex" -> (long) length - at;
        case "revindex0" -> length - at - 1L;
        case "first" -> at == 0;
        case "last" -> at == length - 1;
        case "length" -> (long) length;
        case "depth" -> 1L; // of recursive loops, which there are none of
        case "depth0" -> 0L;
        case "previtem" -> at == 0 ? new Undefined("there is no previous item") : elements.get(at - 1);
        case "nextitem" -> at == length - 1 ? new Undefined("there is no next item") : elements.get(at + 1);
        case "cycle" -> (Function) args -> {
          if (args.positional().isEmpty()) {
            throw args.error("needs something to cycle through");
          }
          return args.positional().get(at % args.positional().size());
        };
        case "changed" -> (Function) args -> {
          boolean same = seen != null && equal(
              args.budget(), Items.list(seen), Items.list(args.positional()));
          seen = args.positional();
          return !same;
        };
        default -> null;
      };
    }
  }

  /** White space as Python has it. */
  static boolean isSpace(int c) {
    return c == ' ' || c >= 9 && c <= 13 || c >= 0x1c && c <= 0x1f || c == 0x85 || c == 0xa0 || c == 0x1680
        || c >= 0x2000 && c <= 0x200a || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
  }

  static boolean isTrue(Object value) {
    return switch (value) {
      case Boolean b -> b;
      case MarkedText t -> t.length() > 0;
      case Long n -> n != 0;
      case Double d -> d != 0;
      case None n -> false;
      case Undefined u -> false;
      case Items i -> i.kind == Items.Kind.STREAM || !i.elements.isEmpty();
      case Map<?, ?> m -> !m.isEmpty();
      default -> true;
    };
  }

  /** The name of a value's type, as Python has it. */
  static String type(Object value) {
    return switch (value) {
      case Boolean b -> "bool";
      case MarkedText t -> "str";
      case Long n -> "int";
      case Double d -> "float";
      case None n -> "None";
      case Undefined u -> "undefined";
      case Items i -> i.kind == Items.Kind.LIST ? "list" : i.kind == Items.Kind.TUPLE ? "tuple" : "generator";
      case Map<?, ?> m -> "dict";
      case Namespace n -> "namespace";
      case Loop l -> "loop";
      default -> "function";
    };
  }

  /** An error if the value is undefined. */
  static Object defined(RenderBudget budget, Object value) {
    if (value instanceof Undefined u) {
      throw budget.error(u.why());
    }
    return value;
  }

  /** A number as Long or Double; null for anything else. Booleans count as 0 and 1. */
  static Number number(Object value) {
    return value instanceof Boolean b ? Long.valueOf(b ? 1 : 0) : value instanceof Number n ? n : null;
  }

  /** A value as a key of a dict. */
  static Object key(RenderBudget budget, Object value) {
    if (value instanceof MarkedText t) {
      budget.spend(t.length()); // to be hashed and compared
      return t;
    }
    if (value instanceof Long || value instanceof None || value instanceof Boolean) {
      return value;
    }
    if (value instanceof Double d) {
      return d == Math.rint(d) && Math.abs(d) < 1L << 53 ? Long.valueOf(d.longValue()) : d;
    }
    throw budget.error("a " + type(defined(budget, value)) + " cannot be a key of a dict");
  }

  static boolean equal(RenderBudget budget, Object a, Object b) {
    if (a == b) {
      return !(a instanceof Double d && d.isNaN());
    }
    Number x = number(a);
    Number y = number(b);
    if (x != null && y != null) {
      return compareNumbers(x, y) == 0;
    }
    if (a instanceof MarkedText s && b instanceof MarkedText t) {
      budget.spend(s.length() == t.length() ? s.length() : 0);
      return s.equals(t);
    }
    if (a instanceof Items s && b instanceof Items t) {
      return s.kind == t.kind && s.kind != Items.Kind.STREAM && equalItems(budget, s.elements, t.elements);
    }
    if (a instanceof Map<?, ?> s && b instanceof Map<?, ?> t) {
      return equalMaps(budget, s, t);
    }
    return a instanceof Undefined && b instanceof Undefined;
  }

  private static boolean equalItems(RenderBudget budget, List<Object> a, List<Object> b) {
    if (a.size() != b.size()) {
      return false;
    }
    budget.enter();
    boolean same = true;
    for (int i = 0; i < a.size() && same; i++) {
      budget.spend(1);
      same = equal(budget, a.get(i), b.get(i));
    }
    budget.leave();
    return same;
  }

  private static boolean equalMaps(RenderBudget budget, Map<?, ?> a, Map<?, ?> b) {
    if (a.size() != b.size()) {
      return false;
    }
    budget.enter();
    boolean same = true;
    for (Iterator<? extends Map.Entry<?, ?>> all = a.entrySet().iterator(); all.hasNext() && same;) {
      Map.Entry<?, ?> e = all.next();
      budget.spend(1);
      Object other = b.get(e.getKey());
      same = other != null && equal(budget, e.getValue(), other);
    }
    budget.leave();
    return same;
  }

  private static int compareNumbers(Number x, Number y) {
    if (x instanceof Long a && y instanceof Long b) {
      return Long.compare(a, b);
    }
    double a = x.doubleValue();
    double b = y.doubleValue();
    return a < b ? -1 : a > b ? 1 : a == b ? 0 : 2; // 2: not a number, neither smaller nor larger nor equal
  }

  /** The order of two values: negative, 0, positive; 2 when they are neither (one is not a number). */
  static int compare(RenderBudget budget, Object a, Object b) {
    Number x = number(a);
    Number y = number(b);
    if (x != null && y != null) {
      return compareNumbers(x, y);
    }
    if (a instanceof MarkedText s && b instanceof MarkedText t) {
      budget.spend(Math.min(s.length(), t.length()));
      return Integer.signum(Texts.compare(s.text(), t.text()));
    }
    if (a instanceof Items s && b instanceof Items t && s.kind == t.kind && s.kind != Items.Kind.STREAM) {
      budget.enter();
      int order = 0;
      int common = Math.min(s.elements.size(), t.elements.size());
      for (int i = 0; i < common && order == 0; i++) {
        budget.spend(1);
        if (!equal(budget, s.elements.get(i), t.elements.get(i))) {
          order = compare(budget, s.elements.get(i), t.elements.get(i));
        }
      }
      budget.leave();
      return order != 0 ? order : Integer.compare(s.elements.size(), t.elements.size());
    }
    throw budget.error(
        "a " + type(defined(budget, a)) + " and a " + type(defined(budget, b)) + " have no order");
  }

  /** The elements of what a loop or a filter runs over. */
  static List<Object> elements(RenderBudget budget, Object value) {
    return switch (value) {
      case Items i -> i.read();
      case Undefined u -> List.of();
      case Map<?, ?> m -> {
        budget.spendElements(m.size());
        yield new ArrayList<>(m.keySet());
      }
      case MarkedText t -> {
        budget.spendElements(t.length());
        List<Object> characters = new ArrayList<>();
        for (int i = 0; i < t.length();) {
          int end = i + Character.charCount(t.text().codePointAt(i));
          characters.add(t.substring(i, end));
          i = end;
        }
        yield characters;
      }
      default -> throw budget.error("a " + type(value) + " has no elements to run over");
    };
  }

  /** A value as a template prints it. */
  static MarkedText text(RenderBudget budget, Object value) {
    return switch (value) {
      case MarkedText t -> t;
      case Undefined u -> MarkedText.of("");
      case Items i -> {
        MarkedText.Builder out = new MarkedText.Builder();
        repr(budget, i, out);
        yield out.build();
      }
      case Map<?, ?> m -> {
        MarkedText.Builder out = new MarkedText.Builder();
        repr(budget, m, out);
        yield out.build();
      }
      default -> budget.text(plain(budget, value));
    };
  }

  private static String plain(RenderBudget budget, Object value) {
    return switch (value) {
      case Boolean b -> b ? "True" : "False";
      case Long n -> n.toString();
      case Double d -> real(d);
      case None n -> "None";
      case Undefined u -> "Undefined";
      default -> throw budget.error("a " + type(value) + " cannot be printed");
    };
  }

  /** As Python's repr: what stands in a printed list. */
  static void repr(RenderBudget budget, Object value, MarkedText.Builder out) {
    budget.enter();
    switch (value) {
      case MarkedText t -> quoted(budget, t, out);
      case Items i -> {
        boolean tuple = i.kind == Items.Kind.TUPLE;
        if (i.kind == Items.Kind.STREAM) {
          throw budget.error("what a filter makes one after another cannot be printed: write |list after it");
        }
        out.append(tuple ? "(" : "[");
        for (int k = 0; k < i.elements.size(); k++) {
          out.append(k == 0 ? "" : ", ");
          repr(budget, i.elements.get(k), out);
        }
        out.append(tuple ? i.elements.size() == 1 ? ",)" : ")" : "]");
      }
      case Map<?, ?> m -> {
        out.append("{");
        String comma = "";
        for (Map.Entry<?, ?> e : m.entrySet()) {
          out.append(comma);
          repr(budget, e.getKey(), out);
          out.append(": ");
          repr(budget, e.getValue(), out);
          comma = ", ";
        }
        out.append("}");
      }
      default -> out.append(plain(budget, value));
    }
    budget.spendText(2);
    budget.leave();
  }

  private static void quoted(RenderBudget budget, MarkedText value, MarkedText.Builder out) {
    String text = value.text();
    budget.spendText(2L * text.length());
    String quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? "\"" : "'";
    out.append(quote);
    for (int i = 0; i < text.length();) {
      int c = text.codePointAt(i);
      int end = i + Character.charCount(c);
      String escaped = switch (c) {
        case '\n' -> "\\n";
        case '\r' -> "\\r";
        case '\t' -> "\\t";
        case '\\' -> "\\\\";
        default -> Character.toString(c).equals(quote) ? "\\" + quote : isPrintable(c) ? null
            : c < 0x100 ? "\\x%02x".formatted(c) : c < 0x10000 ? "\\u%04x".formatted(c) : "\\U%08x".formatted(c);
      };
      if (escaped == null) {
        out.append(value, i, end);
      } else {
        out.append(escaped, value.substring(i, end));
      }
      i = end;
    }
    out.append(quote);
  }

  private static boolean isPrintable(int c) {
    return c == ' ' || switch (Character.getType(c)) {
      case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
          Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR, Character.SPACE_SEPARATOR -> false;
      default -> true;
    };
  }

  /** A real number as Python writes it. */
  static String real(double d) {
    if (Double.isNaN(d) || Double.isInfinite(d)) {
      return Double.isNaN(d) ? "nan" : d > 0 ? "inf" : "-inf";
    }
    if (d == 0) {
      return 1 / d < 0 ? "-0.0" : "0.0";
    }
    BigDecimal shortest = new BigDecimal(Double.toString(d)).stripTrailingZeros();
    int exponent = shortest.precision() - shortest.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      String plain = shortest.toPlainString();
      return plain.indexOf('.') < 0 ? plain + ".0" : plain;
    }
    String digits = shortest.unscaledValue().abs().toString();
    return (d < 0 ? "-" : "") + digits.charAt(0) + (digits.length() > 1 ? "." + digits.substring(1) : "")
        + "e" + (exponent < 0 ? "-" : "+") + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
  }
}
