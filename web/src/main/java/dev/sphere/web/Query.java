package dev.sphere.web;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** The parameters of an address, decoded. */
public record Query(Map<String, String> values) {
  /** Reads the text after an address's question mark; null for an address without one. */
  public static Query of(String raw) {
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

  /** A parameter; empty when it is not there. */
  public String text(String name) {
    return values.getOrDefault(name, "");
  }

  /** A parameter that must be there. */
  public String required(String name) {
    String value = text(name);
    if (value.isEmpty()) {
      throw new IllegalArgumentException("the address lacks " + name);
    }
    return value;
  }

  /** A whole number from 0 on; the default when it is not there. */
  public int number(String name, int otherwise) {
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
