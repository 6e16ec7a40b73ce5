package dev.sphere.engine.settings;

import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The settings that some records ask for, in the order in which they ask. It describes them, checks what a user said of
 * them, and makes the records.
 */
public final class SettingsTree {
  private final Map<String, SettingSpec> settings;

  private SettingsTree(Map<String, SettingSpec> settings) {
    this.settings = settings;
  }

  /** The settings of these records, and of those within them. */
  public static SettingsTree of(Class<?>... records) {
    return of("", records);
  }

  /** The same, under a heading where the records have none of their own. */
  public static SettingsTree of(String heading, Class<?>... records) {
    Map<String, SettingSpec> all = new LinkedHashMap<>();
    for (Class<?> record : records) {
      collect(record, heading, "", Map.of(), all);
    }
    return new SettingsTree(all);
  }

  /** Whether there is a setting of that name. */
  public boolean has(String name) {
    return settings.containsKey(name);
  }

  /** Those of two trees. */
  public SettingsTree and(SettingsTree other) {
    Map<String, SettingSpec> all = new LinkedHashMap<>(settings);
    other.settings.forEach(all::putIfAbsent);
    return new SettingsTree(all);
  }

  /** Only these. */
  public SettingsTree only(String... names) {
    Map<String, SettingSpec> some = new LinkedHashMap<>();
    for (String name : names) {
      some.put(name, get(name));
    }
    return new SettingsTree(some);
  }

  /** All but these. */
  public SettingsTree without(String... names) {
    Map<String, SettingSpec> some = new LinkedHashMap<>(settings);
    for (String name : names) {
      get(name);
      some.remove(name);
    }
    return new SettingsTree(some);
  }

  /** The same settings, one with another default. */
  public SettingsTree withDefault(String name, String text) {
    return with(get(name).withDefault(text));
  }

  /** The same settings, one without a default. */
  public SettingsTree withoutDefault(String name) {
    return with(get(name).withoutDefault(false));
  }

  /** The same settings, one of which must be told. */
  public SettingsTree required(String name) {
    return with(get(name).withoutDefault(true));
  }

  private SettingsTree with(SettingSpec setting) {
    Map<String, SettingSpec> all = new LinkedHashMap<>(settings);
    all.put(setting.name(), setting);
    return new SettingsTree(all);
  }

  /** All of them, in order. */
  public List<SettingSpec> settings() {
    return List.copyOf(settings.values());
  }

  /** Those of a section of recipes. */
  public SettingsTree section(String section) {
    return new SettingsTree(settings.values().stream().filter(s -> s.section().equals(section))
        .collect(Collectors.toMap(SettingSpec::name, s -> s, (a, b) -> a, LinkedHashMap::new)));
  }

  /** The setting of that name. */
  public SettingSpec get(String name) {
    SettingSpec setting = settings.get(name);
    if (setting == null) {
      throw new IllegalArgumentException("no setting " + name);
    }
    return setting;
  }

  /**
   * Checks names and values, and takes aliases for what they stand for.
   *
   * @param path what stands before keys in messages: {@code search.}
   * @return the same by the settings' own names
   * @throws IllegalArgumentException naming what is unknown, with the nearest name there is, or what is no value
   */
  public GivenSettings check(GivenSettings told, String path) {
    GivenSettings named = GivenSettings.nothing();
    for (String name : told.names()) {
      SettingSpec setting = find(name);
      GivenSettings.Entry entry = told.get(name);
      if (setting == null) {
        List<String> known = settings().stream().map(s -> path + s.name()).toList();
        String meant = Names.meant(path + name, known);
        throw new IllegalArgumentException(
            "unknown key '" + entry.written() + "'" + (meant.isEmpty() ? "; known here: " + known : meant));
      }
      if (named.has(setting.name())) {
        throw new IllegalArgumentException(
            entry.written() + " and " + named.get(setting.name()).written() + " say the same: give one of them");
      }
      setting.value(entry.texts(), entry.written());
      named = named.with(setting.name(), entry.texts(), entry.written());
    }
    return named;
  }

  private SettingSpec find(String name) {
    return settings.values().stream()
        .filter(s -> s.name().equals(name) || List.of(s.about().aliases()).contains(name)).findFirst().orElse(null);
  }

  /**
   * Refuses what has no effect beside the rest.
   *
   * @param told checked
   * @param others whether something is said of what is no setting here ({@code small_model}, {@code run}); null: that is unknown
   * @param name how a setting that the user did not write is called: a flag or a key
   * @throws IllegalArgumentException naming the setting and what it needs
   */
  public void requireEffects(GivenSettings told, Function<String, Boolean> others, Function<String, String> name) {
    for (String setting : told.names()) {
      for (String need : get(setting).about().needs()) {
        boolean not = need.startsWith("!");
        String condition = not ? need.substring(1) : need;
        if (Boolean.valueOf(not).equals(holds(condition, told, others))) {
          throw new IllegalArgumentException(told.get(setting).written() + " has no effect " + (not ? "with " : "without ")
              + Arrays.stream(condition.split(" or ")).filter(n -> known(n, others)).map(n -> words(n, name)).collect(Collectors.joining(" or ")));
        }
      }
    }
  }

  /** Whether there is such a setting here at all. */
  private boolean known(String need, Function<String, Boolean> others) {
    String name = need.split("=", 2)[0];
    return settings.containsKey(name) || others.apply(name) != null;
  }

  private static String words(String need, Function<String, String> name) {
    String[] parts = need.split("=", 2);
    return name.apply(parts[0]) + (parts.length == 1 ? "" : " " + parts[1].replace("*", "..."));
  }

  /** Whether one of the conditions holds; null: nothing is known of any. */
  private Boolean holds(String need, GivenSettings told, Function<String, Boolean> others) {
    Boolean some = null;
    for (String one : need.split(" or ")) {
      String[] parts = one.split("=", 2);
      SettingSpec setting = settings.get(parts[0]);
      Boolean holds = setting == null ? others.apply(parts[0]) : Boolean.valueOf(holds(setting, parts, told));
      if (Boolean.TRUE.equals(holds)) {
        return true;
      }
      some = holds == null ? some : holds;
    }
    return some;
  }

  private static boolean holds(SettingSpec setting, String[] condition, GivenSettings told) {
    Object value = SettingSpec.words(value(setting, told, Map.of()));
    List<String> values = value == null ? List.of()
        : value instanceof Collection<?> c ? c.stream().map(String::valueOf).toList() : List.of(value.toString());
    return condition.length == 1
        ? told.has(setting.name()) ? values.stream().anyMatch(v -> !v.equals("false")) : values.contains("true")
        : values.stream().anyMatch(v -> matches(v, condition[1]));
  }

  private static boolean matches(String value, String pattern) {
    return pattern.endsWith("*")
        ? value.startsWith(pattern.substring(0, pattern.length() - 1)) : value.equals(pattern);
  }

  /**
   * The value of a setting: as told, or its default.
   *
   * @return null where it has none
   */
  public Object value(String name, GivenSettings told) {
    return value(get(name), told, Map.of());
  }

  /** The value of a setting as told, or the usual one of a model, or its default. */
  private static Object value(SettingSpec setting, GivenSettings told, Map<String, ?> usual) {
    GivenSettings.Entry entry = told.get(setting.name());
    if (entry != null) {
      return setting.value(entry.texts(), entry.written());
    }
    Object model = usual.get(setting.name());
    if (model != null || setting.def() == null) {
      return model;
    }
    return setting.value(setting.isList() && setting.def().isEmpty() ? List.of() : List.of(setting.def()), setting.name());
  }

  /** All values by name, in a recipe's words: as told, or the defaults; null where the model has it. */
  public Map<String, Object> values(GivenSettings told) {
    Map<String, Object> all = new LinkedHashMap<>();
    settings.forEach((name, setting) -> all.put(name, SettingSpec.words(value(setting, told, Map.of()))));
    return all;
  }

  /**
   * Refuses components outside the ranges that are declared for them; for a record's constructor.
   *
   * @param components all of the record, in order
   * @throws IllegalArgumentException naming the first
   */
  public static void requireRanges(Class<? extends Record> record, Object... components) {
    RecordComponent[] all = record.getRecordComponents();
    for (int i = 0; i < all.length; i++) {
      Setting setting = all[i].getAnnotation(Setting.class);
      if (setting != null && !setting.range().isEmpty() && components[i] instanceof Number n
          && !Range.of(setting.range()).holds(n.doubleValue())) {
        throw new IllegalArgumentException(
            all[i].getName() + " must be " + Range.of(setting.range()).words() + ", not " + n);
      }
    }
  }

  /**
   * The values of a record that decide a run's result, by the names of its settings and in their order; those of records in it
   * stand among them. Components of a record that a {@link FromSettings} method makes have their own names.
   */
  public static Map<String, Object> resultValues(Record record) {
    Map<String, Object> all = new LinkedHashMap<>();
    boolean declared = !(maker(record.getClass()) instanceof Method);
    for (RecordComponent component : record.getClass().getRecordComponents()) {
      Setting setting = component.getAnnotation(Setting.class);
      Object value = component(record, component);
      if (component.isAnnotationPresent(Nested.class)) {
        all.putAll(value == null ? Map.of() : resultValues((Record) value));
      } else if (setting != null ? setting.effect() == Setting.Effect.RESULT : !declared) {
        String own = setting == null ? "" : setting.name();
        all.put(own.isEmpty() ? SettingSpec.snake(component.getName()) : own, SettingSpec.words(value));
      }
    }
    return all;
  }

  private static Object component(Record record, RecordComponent component) {
    try {
      Method accessor = component.getAccessor();
      accessor.setAccessible(true);
      return accessor.invoke(record);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("cannot read " + component, e);
    }
  }

  /**
   * Calls settings by their flags.
   *
   * @param text names them by the components of a record: {@code search.maxDepth}
   * @param record whose components those are
   */
  public static String byFlags(String text, Class<?> record) {
    Map<String, String> flags = new LinkedHashMap<>();
    flags(record, "", Map.of(), flags);
    String named = text;
    for (var flag : flags.entrySet()) {
      named = named.replaceAll("(?<![\\w.])" + flag.getKey() + "(?![\\w.])", flag.getValue());
    }
    return named;
  }

  private static void flags(Class<?> record, String path, Map<String, Setting> renamed, Map<String, String> all) {
    for (Asked asked : asked(record, maker(record))) {
      Setting setting = asked.element.getAnnotation(Setting.class);
      Nested nested = asked.element.getAnnotation(Nested.class);
      if (setting != null && !path.isEmpty()) {
        all.put(path + asked.name, "--" + SettingSpec.dashes(spec(asked, setting, "", "", renamed).name()));
      } else if (nested != null) {
        flags((Class<?>) asked.type, path + asked.name + ".", renamed(nested, renamed), all);
      }
    }
  }

  /**
   * What was told in a file, with other files found from the file's folder: values that are files (labels FILE and MODEL),
   * and files within values (KIND, TEMPLATE). Embedded models and sets keep their names.
   *
   * @param folder the file's; null for the working directory
   */
  public GivenSettings from(Path folder, GivenSettings told) {
    GivenSettings all = told;
    for (String name : folder == null ? List.<String>of() : told.names()) {
      GivenSettings.Entry entry = told.get(name);
      String label = get(name).about().label();
      all = all.with(name, entry.texts().stream().map(t -> SettingSpec.from(folder, label, t)).toList(), entry.written());
    }
    return all;
  }

  /** Makes a record from what was told alone. */
  public <T> T make(Class<T> record, GivenSettings told) {
    return make(record, told, Map.of(), Map.of());
  }

  /**
   * Makes a record.
   *
   * @param told checked; it may tell of settings that the record does not ask for
   * @param usual values by the settings' names that take the place of defaults, such as a model's
   * @param given values of components that are no settings, by their names
   * @throws IllegalArgumentException when the record refuses the values, or one that has no default is missing
   */
  public <T> T make(Class<T> record, GivenSettings told, Map<String, ?> usual, Map<String, ?> given) {
    return record.cast(make(record, told, usual, given, Map.of()));
  }

  private Object make(Class<?> record, GivenSettings told, Map<String, ?> usual, Map<String, ?> given,
      Map<String, Setting> renamed) {
    Executable maker = maker(record);
    List<Object> values = new ArrayList<>();
    for (Asked asked : asked(record, maker)) {
      Setting setting = asked.element.getAnnotation(Setting.class);
      Nested nested = asked.element.getAnnotation(Nested.class);
      if (setting != null) {
        SettingSpec own = spec(asked, setting, "", "", renamed);
        SettingSpec spec = settings.getOrDefault(own.name(), own);
        Object value = value(spec.ofType(own.type()), told, usual);
        if (value == null && asked.type instanceof Class<?> c && c.isPrimitive()) {
          throw new IllegalArgumentException(own.name() + " has no value: it is not told, and has no default");
        }
        values.add(value);
      } else if (nested != null) {
        boolean there = nested.when().isEmpty() || value(get(nested.when()), told, usual) != null;
        values.add(there ? make((Class<?>) asked.type, told, usual, given, renamed(nested, renamed)) : null);
      } else if (given.containsKey(asked.name)) {
        values.add(given.get(asked.name));
      } else {
        throw new IllegalStateException(record.getSimpleName() + "." + asked.name + " is no setting and not given");
      }
    }
    try {
      maker.setAccessible(true);
      return maker instanceof Method m
          ? m.invoke(null, values.toArray()) : ((Constructor<?>) maker).newInstance(values.toArray());
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException refused) {
        throw refused;
      }
      throw new IllegalStateException(e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("cannot make " + record, e);
    }
  }

  /** A parameter of a maker or a component of a record. */
  private record Asked(String name, Type type, AnnotatedElement element) {}

  private static void collect(Class<?> record, String heading, String section, Map<String, Setting> renamed,
      Map<String, SettingSpec> all) {
    for (Asked asked : asked(record, maker(record))) {
      Setting setting = asked.element.getAnnotation(Setting.class);
      Nested nested = asked.element.getAnnotation(Nested.class);
      if (setting != null && !setting.help().isEmpty()) {
        SettingSpec spec = spec(asked, setting, heading, section, renamed);
        all.putIfAbsent(spec.name(), spec);
      } else if (nested != null) {
        collect((Class<?>) asked.type, nested.heading().isEmpty() ? heading : nested.heading(),
            nested.section().isEmpty() ? section : nested.section(), renamed(nested, renamed), all);
      }
    }
  }

  private static SettingSpec spec(
      Asked asked, Setting setting, String heading, String section, Map<String, Setting> renamed) {
    SettingSpec spec = SettingSpec.of(asked.name, setting, asked.type, heading, section);
    Setting other = renamed.get(spec.name());
    return other == null ? spec : SettingSpec.of(asked.name, other, asked.type, heading, section);
  }

  private static Map<String, Setting> renamed(Nested nested, Map<String, Setting> outer) {
    if (nested.rename().isEmpty()) {
      return outer;
    }
    Map<String, Setting> all = new HashMap<>(outer);
    all.put(nested.rename(), nested.to()[0]);
    return all;
  }

  private static Executable maker(Class<?> record) {
    for (Method m : record.getDeclaredMethods()) {
      if (m.isAnnotationPresent(FromSettings.class)) {
        return m;
      }
    }
    try {
      return record.getDeclaredConstructor(
          Arrays.stream(record.getRecordComponents()).map(RecordComponent::getType).toArray(Class<?>[]::new));
    } catch (NoSuchMethodException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<Asked> asked(Class<?> record, Executable maker) {
    return maker instanceof Method
        ? Arrays.stream(maker.getParameters()).map(p -> new Asked(p.getName(), p.getParameterizedType(), p)).toList()
        : Arrays.stream(record.getRecordComponents()).map(c -> new Asked(c.getName(), c.getGenericType(), c)).toList();
  }
}
