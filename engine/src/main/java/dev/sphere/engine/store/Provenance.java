package dev.sphere.engine.store;

import dev.sphere.bindings.device.Arithmetic;
import dev.sphere.engine.probe.ProbeSettings;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a run was made from. The identity decides the run's result, so a run is resumed only when every entry is the
 * same; the information (paths, dates, how many problems in flight) is for the reader.
 *
 * @param identity model and data hashes, settings, seed, versions: dotted names to text
 * @param information whatever else is worth knowing
 */
public record Provenance(Map<String, String> identity, Map<String, String> information) {
  public Provenance {
    identity = Collections.unmodifiableMap(new LinkedHashMap<>(identity));
    information = Collections.unmodifiableMap(new LinkedHashMap<>(information));
  }

  /**
   * What the run in a directory was made from; its logs are not read.
   *
   * @throws StoreException.Refused when the directory holds no run
   * @throws StoreException when it is damaged
   */
  public static Provenance of(Path directory) {
    return new RunFiles(directory).readProvenance();
  }

  /** Starts an empty one. */
  public static Builder builder() {
    return new Builder();
  }

  /** Collects entries. */
  public static final class Builder {
    private final Map<String, String> identity = new LinkedHashMap<>();
    private final Map<String, String> information = new LinkedHashMap<>();

    private Builder() {}

    /** Something that decides the result. */
    public Builder identity(String name, Object value) {
      identity.put(name, String.valueOf(value));
      return this;
    }

    /** A settings record that decides the result: one entry a component, {@code name.component}, but for those named here. */
    public Builder settings(String name, Record settings, String... without) {
      ObjectNode all = RecordJson.MAPPER.valueToTree(settings);
      flatten(name, all.without(List.of(without)));
      return this;
    }

    private void flatten(String name, JsonNode node) {
      if (node.isObject()) {
        node.properties().forEach(e -> flatten(name + "." + e.getKey(), e.getValue()));
      } else {
        identity.put(name, node.isString() ? node.asString() : node.toString());
      }
    }

    /** Something worth knowing that does not decide the result. */
    public Builder information(String name, Object value) {
      information.put(name, String.valueOf(value));
      return this;
    }

    public Provenance build() {
      return new Provenance(identity, information);
    }
  }

  /** What the run's probe was told; {@link ProbeSettings#none()} for a run without one. */
  public ProbeSettings probe() {
    String draws = identity.get("probe.draws");
    return draws == null ? ProbeSettings.none()
        : new ProbeSettings(Integer.parseInt(draws), identity.get("probe.passRate"),
            ProbeSettings.Order.valueOf(identity.get("probe.order")), Integer.parseInt(identity.get("probe.take")),
            Boolean.parseBoolean(identity.get("probe.pairs")));
  }

  /** This without an entry of the identity. */
  public Provenance without(String name) {
    Map<String, String> others = new LinkedHashMap<>(identity);
    others.remove(name);
    return new Provenance(others, information);
  }

  /** What differs between this run's identity and another, one line of words an entry. */
  public List<String> differences(Provenance now) {
    List<String> differences = new ArrayList<>();
    TreeSet<String> names = new TreeSet<>(identity.keySet());
    names.addAll(now.identity.keySet());
    for (String name : names) {
      String then = identity.get(name);
      String wanted = now.identity.get(name);
      if (name.equals(Arithmetic.NAME)) {
        if (Arithmetic.differ(then, wanted)) {
          differences.add(name + " is " + quoted(then) + " in the run and " + quoted(wanted) + " now (" + Arithmetic.advice() + ")");
        }
        continue;
      }
      if (!Objects.equals(placeless(name, then), placeless(name, wanted))) {
        differences.add(name + " is " + quoted(then) + " in the run and " + quoted(wanted) + " now");
      }
    }
    return differences;
  }

  /** Where a reward's models lie decides nothing; what they are says their hash. */
  private static String placeless(String name, String value) {
    return name.equals("prm.kind") && value != null ? value.replaceAll("[^:,]*/", "") : value;
  }

  private static String quoted(String value) {
    if (value == null) {
      return "absent";
    }
    return '"' + (value.length() > 80 ? value.substring(0, 77) + "..." : value) + '"';
  }

  byte[] toJson() {
    ObjectNode node = RecordJson.MAPPER.createObjectNode();
    node.put("format", RunFiles.FORMAT);
    ObjectNode id = node.putObject("identity");
    identity.forEach(id::put);
    ObjectNode info = node.putObject("information");
    information.forEach(info::put);
    return CheckedLines.frame(RecordJson.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(node));
  }

  static Provenance fromJson(byte[] bytes) {
    // Other line ends say nothing else.
    byte[] text = new String(bytes, StandardCharsets.UTF_8).replace("\r\n", "\n").stripTrailing()
        .getBytes(StandardCharsets.UTF_8);
    JsonNode node = RecordJson.parse(text);
    JsonNode format = node.get("format");
    // Format 1 had no checksum.
    if (node.has("crc") || format != null && format.asInt() == RunFiles.FORMAT) {
      if (!CheckedLines.whole(text)) {
        throw new IllegalArgumentException("its checksum does not fit");
      }
    }
    if (format == null || format.asInt() < 1 || format.asInt() > RunFiles.FORMAT) {
      throw new IllegalArgumentException("its format is " + format + ", this version of Sphere reads formats 1 to "
          + RunFiles.FORMAT);
    }
    return new Provenance(map(node.get("identity")), map(node.get("information")));
  }

  private static Map<String, String> map(JsonNode node) {
    Map<String, String> map = new LinkedHashMap<>();
    node.properties().forEach(e -> map.put(e.getKey(), e.getValue().asString()));
    return map;
  }
}
