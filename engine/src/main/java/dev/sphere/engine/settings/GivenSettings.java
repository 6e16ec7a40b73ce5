package dev.sphere.engine.settings;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/** What a user said: texts by the names of settings, and how the user called each. Immutable. */
public final class GivenSettings {
  /**
   * One thing that was said.
   *
   * @param texts the value; several for a list
   * @param written the flag or key, as the user wrote it
   */
  record Entry(List<String> texts, String written) {}

  private static final GivenSettings NOTHING = new GivenSettings(Map.of());

  private final Map<String, Entry> entries;

  private GivenSettings(Map<String, Entry> entries) {
    this.entries = Collections.unmodifiableMap(entries);
  }

  public static GivenSettings nothing() {
    return NOTHING;
  }

  /**
   * The keys of a part of a recipe; those without a value are left out.
   *
   * @param part the part; null for one that is not there
   * @param path what stands before its keys in messages: {@code search.}; empty at the top
   * @throws IllegalArgumentException when it is no map of names to values
   */
  public static GivenSettings of(JsonNode part, String path) {
    if (part == null || part.isNull()) {
      return NOTHING;
    }
    if (!part.isObject()) {
      throw new IllegalArgumentException((path.isEmpty() ? "the recipe" : path.substring(0, path.length() - 1))
          + " must be names with values, not " + part);
    }
    Map<String, Entry> entries = new LinkedHashMap<>();
    part.properties().forEach(e -> {
      JsonNode value = e.getValue();
      List<String> texts = new ArrayList<>();
      if (value.isArray()) {
        value.forEach(v -> texts.add(text(v, path + e.getKey())));
      } else if (!value.isNull()) {
        texts.add(text(value, path + e.getKey()));
      } else {
        return;
      }
      entries.put(e.getKey(), new Entry(List.copyOf(texts), path + e.getKey()));
    });
    return new GivenSettings(entries);
  }

  private static String text(JsonNode value, String key) {
    if (!value.isValueNode()) {
      throw new IllegalArgumentException(key + " must be a value, not " + value);
    }
    return value.asString();
  }

  /** The same, and this. */
  public GivenSettings with(String name, List<String> texts, String written) {
    Map<String, Entry> all = new LinkedHashMap<>(entries);
    all.put(name, new Entry(List.copyOf(texts), written));
    return new GivenSettings(all);
  }

  /** The same, and what {@code base} says of settings that nothing is said of here. */
  public GivenSettings over(GivenSettings base) {
    Map<String, Entry> all = new LinkedHashMap<>(base.entries);
    all.putAll(entries);
    return new GivenSettings(all);
  }

  /** The same without what is said of these. */
  public GivenSettings without(Iterable<String> names) {
    Map<String, Entry> all = new LinkedHashMap<>(entries);
    names.forEach(all::remove);
    return new GivenSettings(all);
  }

  /** Whether something is said of this setting. */
  public boolean has(String name) {
    return entries.containsKey(name);
  }

  /** The names, in the order in which they were said. */
  public List<String> names() {
    return List.copyOf(entries.keySet());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof GivenSettings t && toString().equals(t.toString());
  }

  @Override
  public int hashCode() {
    return toString().hashCode();
  }

  /** What was said, by name. */
  @Override
  public String toString() {
    Map<String, List<String>> texts = new TreeMap<>();
    entries.forEach((name, entry) -> texts.put(name, entry.texts()));
    return texts.toString();
  }

  Entry get(String name) {
    return entries.get(name);
  }
}
