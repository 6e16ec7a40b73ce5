package dev.sphere.engine.store;

import dev.sphere.base.Sha256;
import dev.sphere.engine.Problem;
import dev.sphere.engine.probe.ProbeSettings;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The origin of a run. Its identity decides the result, so a run is resumed only when every entry of the identity is
 * equal. Its information (paths, dates, problems in flight) is for the reader.
 *
 * @param identity model and data hashes, settings, seed, versions: dotted names to text
 * @param information for the reader, by name
 */
public record Provenance(Map<String, String> identity, Map<String, String> information) {
  /** The SHA-256 of the problems' file, in the identity. */
  static final String PROBLEMS_HASH = "problems.sha256";

  /** The words of the command line that began the run, a JSON list in the information. */
  public static final String CALL = "call";

  private static final int FORMAT = 3;

  public Provenance {
    identity = Collections.unmodifiableMap(new LinkedHashMap<>(identity));
    information = Collections.unmodifiableMap(new LinkedHashMap<>(information));
  }

  /**
   * The provenance of the run in a directory; its logs are not read.
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

    /**
     * A settings record that decides the result: one entry {@code name.component} a component, but for those in {@code
     * without}.
     */
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

  /** The settings of the run's probe; {@link ProbeSettings#none()} for a run without one. */
  public ProbeSettings probe() {
    String draws = identity.get("probe.draws");
    return draws == null ? ProbeSettings.none()
        : new ProbeSettings(Integer.parseInt(draws), identity.get("probe.passRate"),
            ProbeSettings.Order.valueOf(identity.get("probe.order")), Integer.parseInt(identity.get("probe.take")),
            Boolean.parseBoolean(identity.get("probe.pairs")));
  }

  /** With the number and the hash of the problems, as a run's file has it. */
  Provenance of(List<Problem> problems) {
    Map<String, String> all = new LinkedHashMap<>(identity);
    all.put("problems.count", String.valueOf(problems.size()));
    all.put(PROBLEMS_HASH, Sha256.of(RunFolder.problemLines(problems)));
    return new Provenance(all, information);
  }

  /** See {@link RunIdentity#differences}. */
  public List<String> differences(Provenance wanted) {
    return RunIdentity.differences(identity, wanted.identity);
  }

  /** This without an entry of the identity. */
  public Provenance without(String name) {
    Map<String, String> others = new LinkedHashMap<>(identity);
    others.remove(name);
    return new Provenance(others, information);
  }

  /** This with one more entry of the information. */
  public Provenance noting(String name, String value) {
    Map<String, String> more = new LinkedHashMap<>(information);
    more.put(name, value);
    return new Provenance(identity, more);
  }

  byte[] toJson() {
    ObjectNode node = RecordJson.MAPPER.createObjectNode();
    node.put("format", FORMAT);
    ObjectNode id = node.putObject("identity");
    identity.forEach(id::put);
    ObjectNode info = node.putObject("information");
    information.forEach(info::put);
    return CheckedLines.frame(RecordJson.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(node));
  }

  static Provenance fromJson(byte[] bytes) {
    byte[] text = new String(bytes, StandardCharsets.UTF_8).stripTrailing().getBytes(StandardCharsets.UTF_8);
    if (!CheckedLines.whole(text)) {
      throw new IllegalArgumentException("its checksum does not fit");
    }
    JsonNode node = RecordJson.parse(text);
    if (node.path("format").asInt() != FORMAT) {
      throw new StoreException.Refused("made by another version of Sphere (format " + node.path("format")
          + ", this one reads "
          + FORMAT + "): begin anew in another directory");
    }
    return new Provenance(map(node.get("identity")), map(node.get("information")));
  }

  private static Map<String, String> map(JsonNode node) {
    Map<String, String> map = new LinkedHashMap<>();
    node.properties().forEach(e -> map.put(e.getKey(), e.getValue().asString()));
    return map;
  }
}
