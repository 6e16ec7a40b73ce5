package dev.sphere.web.serve;

import dev.sphere.web.HttpError;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The fields of a request's JSON object. A field of a wrong type, or one that nobody asked for, is an {@link HttpError}
 * with status 400 that names it.
 */
final class Fields {
  private final JsonNode object;
  private final Set<String> unread = new TreeSet<>();

  Fields(byte[] json) {
    try {
      this.object = JsonMapper.shared().readTree(json);
    } catch (JacksonException e) {
      throw bad("the body is no JSON: " + e.getOriginalMessage());
    }
    if (!object.isObject()) {
      throw bad("the body must be a JSON object");
    }
    unread.addAll(object.propertyNames());
  }

  static HttpError bad(String message) {
    return new HttpError(400, message);
  }

  /** A field's value; a missing node for none and for null. */
  JsonNode node(String name) {
    unread.remove(name);
    JsonNode value = object.path(name);
    return value.isNull() ? object.path("") : value;
  }

  String text(String name, String otherwise) {
    JsonNode value = node(name);
    if (!value.isMissingNode() && !value.isString()) {
      throw bad(name + " must be a string");
    }
    return value.isMissingNode() ? otherwise : value.stringValue();
  }

  boolean flag(String name, boolean otherwise) {
    JsonNode value = node(name);
    if (!value.isMissingNode() && !value.isBoolean()) {
      throw bad(name + " must be true or false");
    }
    return value.isMissingNode() ? otherwise : value.booleanValue();
  }

  /** A whole number from {@code least} to {@code most}. */
  int whole(String name, int otherwise, int least, int most) {
    JsonNode value = node(name);
    if (value.isMissingNode()) {
      return otherwise;
    }
    if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < least || value.intValue() > most) {
      throw bad(name + " must be a whole number from " + least + " to " + most);
    }
    return value.intValue();
  }

  long seed(String name, long otherwise) {
    JsonNode value = node(name);
    if (!value.isMissingNode() && !(value.isIntegralNumber() && value.canConvertToLong())) {
      throw bad(name + " must be a whole number");
    }
    return value.isMissingNode() ? otherwise : value.longValue();
  }

  float number(String name, float otherwise, float least, float most) {
    JsonNode value = node(name);
    if (!value.isMissingNode() && !(value.isNumber() && value.doubleValue() >= least && value.doubleValue() <= most)) {
      throw bad(name + " must be a number from " + least + " to " + most);
    }
    return value.isMissingNode() ? otherwise : value.floatValue();
  }

  /** A string, or an array of at most {@code most} strings; empty for none. */
  List<String> texts(String name, int most) {
    JsonNode value = node(name);
    List<String> texts = new ArrayList<>();
    for (JsonNode each : value.isArray() ? value : value.isMissingNode() ? List.<JsonNode>of() : List.of(value)) {
      if (!each.isString() || texts.size() == most) {
        throw bad(name + " must be a string, or an array of at most " + most + " strings");
      }
      texts.add(each.stringValue());
    }
    return texts;
  }

  /** Token ids from 0 to {@code size}, exclusive. */
  static int[] tokens(String name, JsonNode array, int size) {
    int[] tokens = new int[array.size()];
    for (int i = 0; i < tokens.length; i++) {
      JsonNode token = array.get(i);
      if (!token.isIntegralNumber() || !token.canConvertToInt() || token.intValue() < 0 || token.intValue() >= size) {
        throw bad(name + " holds " + token + ", which is no token id below " + size);
      }
      tokens[i] = token.intValue();
    }
    return tokens;
  }

  /** Refuses a field that is there with another value than null, an empty one, or {@code neutral}. */
  void refuse(String name, String neutral) {
    JsonNode value = node(name);
    boolean empty = value.isMissingNode() || value.isContainer() && value.isEmpty();
    if (!empty && !value.asString().equals(neutral)) {
      throw bad(name + " is not supported" + (neutral.isEmpty() ? "" : ": leave it out, or at " + neutral));
    }
  }

  /** Ends the reading: a field that was not read might change the result that the client expects. */
  void end(Set<String> withoutEffect) {
    unread.removeAll(withoutEffect);
    unread.removeIf(name -> object.get(name).isNull());
    if (!unread.isEmpty()) {
      throw bad("unknown field " + unread.iterator().next());
    }
  }
}
