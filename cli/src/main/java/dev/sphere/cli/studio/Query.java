package dev.sphere.cli.studio;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** What stands after the question mark of an address. */
record Query(Map<String, String> values) {
  static Query of(String raw) {
    Map<String, String> values = new LinkedHashMap<>();
    for (String part : raw == null ? new String[0] : raw.split("&")) {
      int at = part.indexOf('=');
      if (at > 0) {
        values.put(URLDecoder.decode(part.substring(0, at), StandardCharsets.UTF_8),
            URLDecoder.decode(part.substring(at + 1), StandardCharsets.UTF_8));
      }
    }
    return new Query(values);
  }

  /** The text; empty when it is not there. */
  String text(String name) {
    return values.getOrDefault(name, "");
  }

  /** The text, which must be there. */
  String required(String name) {
    String value = text(name);
    if (value.isEmpty()) {
      throw new IllegalArgumentException("the address lacks " + name);
    }
    return value;
  }

  /** A whole number from 0 on; the default when it is not there. */
  int number(String name, int otherwise) {
    String value = text(name);
    if (value.isEmpty()) {
      return otherwise;
    }
    if (!value.matches("\\d{1,9}")) {
      throw new IllegalArgumentException(name + " is no whole number: " + value);
    }
    return Integer.parseInt(value);
  }
}
