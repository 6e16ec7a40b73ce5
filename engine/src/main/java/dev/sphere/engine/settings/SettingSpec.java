package dev.sphere.engine.settings;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A setting, as its declaration describes it.
 *
 * @param name its key in recipes
 * @param about what is declared of it
 * @param type of its value: a number, boolean, text, path or enum, or a list or set of such
 * @param def its default as text; null where there is none or the model has it
 * @param heading what it stands under in help; empty for none
 * @param section the part of a recipe where its key stands; empty for the part of the record that asks for it
 * @param required whether it must be told
 */
public record SettingSpec(
    String name, Setting about, Type type, String def, String heading, String section, boolean required) {
  private static final Map<Class<?>, Class<?>> BOXES = Map.of(int.class, Integer.class, long.class, Long.class,
      float.class, Float.class, double.class, Double.class, boolean.class, Boolean.class);
  /** A model's file within a value: {@code implicit:REF.gguf}. */
  private static final Pattern FILE = Pattern.compile("[^:,]+\\.gguf");

  static SettingSpec of(String component, Setting about, Type type, String heading, String section) {
    String name = about.name().isEmpty() ? snake(component) : about.name();
    String def = !about.def().equals(Setting.NONE) ? about.def() : type == boolean.class ? "false" : null;
    return new SettingSpec(name, about, type, def, heading, section, false);
  }

  SettingSpec withDefault(String text) {
    return new SettingSpec(name, about, type, text, heading, section, false);
  }

  SettingSpec withoutDefault(boolean must) {
    return new SettingSpec(name, about, type, null, heading, section, must);
  }

  SettingSpec ofType(Type other) {
    return new SettingSpec(name, about, other, def, heading, section, required);
  }

  /** The flag: {@code --max-tokens}; of something that is on by default the one that switches it off, {@code --no-greedy}. */
  public String flag() {
    return (isOn() ? "--no-" : "--") + dashes(name);
  }

  /** Whether it is a switch. */
  public boolean isSwitch() {
    return raw() == Boolean.class;
  }

  /** Whether it is a switch that is on by default. */
  public boolean isOn() {
    return isSwitch() && "true".equals(def);
  }

  /** Whether it takes several values. */
  public boolean isList() {
    return Collection.class.isAssignableFrom(raw());
  }

  /** What is said of its default: a text such as "5", or "512; embedded models: 64"; empty where nothing is. */
  public String shownDefault() {
    if (!about.shown().isEmpty() && (def == null || def.equals(about.def()))) {
      return about.shown();
    }
    return def == null ? "" : def.replace("\n", "\\n");
  }

  /** What it may be: "at least 2", or "chains or any"; empty where anything of its type. */
  public String allowed() {
    if (!about.range().isEmpty()) {
      return Range.of(about.range()).words();
    }
    List<String> words = words();
    return words.isEmpty() ? "" : words.size() == 1 ? words.getFirst()
        : String.join(", ", words.subList(0, words.size() - 1)) + " or " + words.getLast();
  }

  /** The words that it may be; empty where there are none. */
  public List<String> words() {
    Class<?> element = element();
    return !element.isEnum() || element == Boolean.class || about.by() != Setting.ByType.class ? List.of()
        : Arrays.stream(element.getEnumConstants()).map(c -> label((Enum<?>) c)).toList();
  }

  /** How a value is called in recipes and on the command line. */
  static String label(Enum<?> constant) {
    return constant instanceof Labelled l ? l.label() : constant.name().toLowerCase(Locale.ROOT);
  }

  /**
   * The value of texts.
   *
   * @param texts what was told; one text but for a list
   * @param written how the user called the setting
   * @throws IllegalArgumentException when they are none of its values
   */
  Object value(List<String> texts, String written) {
    if (!isList()) {
      if (texts.size() != 1) {
        throw new IllegalArgumentException(written + " must be one value, not " + texts);
      }
      return one(texts.getFirst(), raw(), written);
    }
    Collection<Object> all = Set.class.isAssignableFrom(raw()) ? new LinkedHashSet<>() : new ArrayList<>();
    for (String text : texts) {
      for (String part : about.whole() ? new String[] {text} : text.split(",")) {
        all.add(one(about.whole() ? part : part.strip(), element(), written));
      }
    }
    if (!about.must().isEmpty() && all.stream().noneMatch(v -> about.must().equals(words(v)))) {
      throw new IllegalArgumentException(written + " must name " + about.must() + ", not " + String.join(",", texts) + " alone");
    }
    return all;
  }

  private Object one(String text, Class<?> to, String written) {
    Object value;
    try {
      value = about.by() != Setting.ByType.class ? read(text) : convert(text, to, written);
    } catch (NumberFormatException e) {
      boolean whole = to == Integer.class || to == Long.class;
      throw new IllegalArgumentException(written + " must be a " + (whole ? "whole number" : "number") + ", not '" + text + "'", e);
    }
    if (!about.range().isEmpty() && value instanceof Number n && !Range.of(about.range()).holds(n.doubleValue())) {
      throw new IllegalArgumentException(written + " must be " + Range.of(about.range()).words() + ", not " + text);
    }
    return value;
  }

  private Object convert(String text, Class<?> to, String written) {
    if (to == String.class) {
      return text;
    }
    if (to == Path.class) {
      return Path.of(text);
    }
    if (to == Boolean.class) {
      if (!text.equalsIgnoreCase("true") && !text.equalsIgnoreCase("false")) {
        throw new IllegalArgumentException(written + " must be true or false, not '" + text + "'");
      }
      return Boolean.valueOf(text);
    }
    String number = text.strip();
    if (to == Integer.class) {
      return Integer.valueOf(number);
    }
    if (to == Long.class) {
      return Long.valueOf(number);
    }
    if (to == Float.class) {
      return Float.valueOf(number);
    }
    if (to == Double.class) {
      return Double.valueOf(number);
    }
    for (Object constant : to.getEnumConstants()) {
      if (plain(label((Enum<?>) constant)).equals(plain(number)) || plain(((Enum<?>) constant).name()).equals(plain(number))) {
        return constant;
      }
    }
    throw new IllegalArgumentException(written + " must be " + allowed() + ", not '" + text + "'");
  }

  private Object read(String text) {
    try {
      var constructor = about.by().getDeclaredConstructor();
      constructor.setAccessible(true);
      return constructor.newInstance().apply(text);
    } catch (InvocationTargetException e) {
      throw new IllegalStateException(e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("no reader of " + name, e);
    }
  }

  /** A typed value in the words of a recipe: enums by their names, the rest as it is. */
  static Object words(Object value) {
    return switch (value) {
      case null -> null;
      case Enum<?> e -> label(e);
      case Path p -> p.toString();
      case Collection<?> c -> c.stream().map(SettingSpec::words).collect(Collectors.toList());
      default -> value;
    };
  }

  private Class<?> raw() {
    Class<?> raw = (Class<?>) (type instanceof ParameterizedType p ? p.getRawType() : type);
    return BOXES.getOrDefault(raw, raw);
  }

  private Class<?> element() {
    return type instanceof ParameterizedType p && Collection.class.isAssignableFrom((Class<?>) p.getRawType())
        ? (Class<?>) p.getActualTypeArguments()[0] : raw();
  }

  private static String plain(String word) {
    return word.toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /**
   * A value whose files are found from a folder.
   *
   * @param label of the setting or flag: only some stand for files
   */
  public static String from(Path folder, String label, String value) {
    return switch (label) {
      case "FILE", "DIR", "MODEL" -> found(folder, value);
      case "KIND" -> FILE.matcher(value).replaceAll(m -> Matcher.quoteReplacement(found(folder, m.group())));
      case "TEMPLATE" -> value.length() < 1000 && !value.contains("{") && Files.exists(folder.resolve(value))
          ? found(folder, value) : value;
      default -> value;
    };
  }

  private static String found(Path folder, String file) {
    return file.isEmpty() || file.startsWith("embedded") ? file : folder.resolve(file).normalize().toString();
  }

  /** A name as flags have it. */
  public static String dashes(String name) {
    return name.replace('_', '-');
  }

  static String snake(String component) {
    return component.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }
}
