package dev.sphere.engine.store;

import dev.sphere.engine.Generation;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.data.JsonText;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.Attempt;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.grade.extract.AnswerExtractor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The records of a run as JSON objects; the field names are those of docs/reference/file-formats.md. */
final class RecordJson {
  static final JsonMapper MAPPER =
      JsonMapper.builder(JsonText.factory()).disable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY).build();

  private static final List<String> HEAD = List.of("problem", "search", "path");

  private RecordJson() {}

  static byte[] bytes(JsonNode node) {
    return MAPPER.writeValueAsBytes(node);
  }

  static JsonNode parse(byte[] bytes) {
    return MAPPER.readTree(bytes);
  }

  /** The texts that a record of a log begins with (problem, search, path), without parsing all of it. */
  static String[] head(byte[] line, int fields) {
    String[] texts = new String[fields];
    try (JsonParser parser = MAPPER.createParser(line)) {
      for (int i = 0; i < 3; i++) {
        parser.nextToken(); // {, "crc", its value
      }
      for (int i = 0; i < fields; i++) {
        parser.nextToken();
        if (!HEAD.get(i).equals(parser.currentName())) {
          throw new IllegalArgumentException("the record's field " + (i + 1) + " is not \"" + HEAD.get(i) + "\"");
        }
        parser.nextToken();
        texts[i] = parser.getString();
      }
    }
    return texts;
  }

  static ObjectNode of(ProblemResult result) {
    ObjectNode node = MAPPER.createObjectNode();
    node.put("problem", result.problemId()).put("pairs", result.pairs());
    return node.put("reason", result.reason() == null ? null : result.reason().label());
  }

  static ObjectNode of(Problem problem) {
    ObjectNode node = MAPPER.createObjectNode();
    node.put("problem", problem.id()).put("question", problem.question()).put("answer", problem.answer());
    if (!problem.metadata().isEmpty()) {
      ObjectNode metadata = node.putObject("metadata");
      problem.metadata().forEach(metadata::put);
    }
    return node;
  }

  static Problem problem(JsonNode node) {
    Map<String, String> metadata = new LinkedHashMap<>();
    if (node.has("metadata")) {
      node.get("metadata").properties().forEach(e -> metadata.put(e.getKey(), e.getValue().asString()));
    }
    return new Problem(text(node, "problem"), text(node, "question"), text(node, "answer"), metadata);
  }

  static ObjectNode of(Expansion e) {
    ObjectNode node = MAPPER.createObjectNode();
    node.put("problem", e.problemId()).put("search", e.search()).put("path", e.path());
    node.put("draws", e.draws()).put("max", e.max()).put("min", e.min());
    if (e.rolled() > 0) {
      node.put("rollout_tokens", e.rolled());
    }
    ArrayNode candidates = node.putArray("candidates");
    for (Candidate c : e.candidates()) {
      ObjectNode candidate = candidates.addObject();
      Generation g = c.generation();
      candidate.put("text", g.text()).putPOJO("tokens", g.tokens()).putPOJO("logprobs", g.logProbs());
      candidate.put("finish", g.finish().name().toLowerCase(Locale.ROOT));
      candidate.put("draw", c.draw()).put("count", c.count());
      candidate.put("terminal", c.terminal()).put("truncated", c.truncated()).put("correct", c.correct());
      candidate.put("prm", c.prm()).put("reward", c.reward());
      if (c.rollouts() > 0) {
        candidate.put("rollouts", c.rollouts());
      }
    }
    return node;
  }

  static Expansion expansion(JsonNode node) {
    List<Candidate> candidates = new ArrayList<>();
    for (JsonNode c : node.get("candidates")) {
      float[] logProbs = MAPPER.treeToValue(c.get("logprobs"), float[].class);
      Generation g = new Generation(ints(c, "tokens"), logProbs, text(c, "text"), finish(c));
      candidates.add(new Candidate(g, c.get("draw").asInt(), c.get("count").asInt(), c.get("terminal").asBoolean(),
          c.get("truncated").asBoolean(), c.get("correct").asBoolean(), c.get("prm").asDouble(),
          c.get("reward").asDouble(), c.path("rollouts").asInt(0)));
    }
    return new Expansion(text(node, "problem"), text(node, "search"), text(node, "path"), candidates,
        node.get("max").asInt(), node.get("min").asInt(), node.get("draws").asInt(),
            node.path("rollout_tokens").asLong(0));
  }

  /** @param expansions of the stage's searches that are on record */
  static ObjectNode of(StageResult result, int expansions) {
    ObjectNode node = MAPPER.createObjectNode();
    node.put("problem", result.problemId()).put("stage", result.stage().label());
    node.put("reason", result.reason() == null ? null : result.reason().label());
    node.put("expansions", expansions);
    ArrayNode pairs = node.putArray("pairs");
    result.pairs().forEach(pair -> pairs.add(of(pair)));
    ArrayNode attempts = node.putArray("attempts");
    for (Attempt a : result.attempts()) {
      ObjectNode attempt = attempts.addObject();
      attempt.put("search", a.search()).put("simulation", a.simulation()).put("chain", a.max() ? "max" : "min");
      attempt.put("path", a.path()).put("correct", a.correct()).put("truncated", a.truncated()).put("text", a.text());
      attempt.put("form", AnswerExtractor.extract(a.text()).form().label()); // for readers; not read back
      attempt.putPOJO("tokens", a.tokens());
    }
    return node;
  }

  static StageResult stageResult(JsonNode node) {
    List<PreferencePair> pairs = new ArrayList<>();
    node.get("pairs").forEach(pair -> pairs.add(pair(pair)));
    List<Attempt> attempts = new ArrayList<>();
    for (JsonNode a : node.get("attempts")) {
      attempts.add(new Attempt(text(a, "search"), a.get("simulation").asInt(), text(a, "chain").equals("max"),
          text(a, "path"), a.get("correct").asBoolean(), a.get("truncated").asBoolean(), text(a, "text"),
          ints(a, "tokens")));
    }
    return new StageResult(text(node, "problem"), Stage.of(text(node, "stage")), pairs,
        node.get("reason").isNull() ? null : reason(node), attempts);
  }

  static ObjectNode of(Probed probed) {
    ObjectNode node = MAPPER.createObjectNode();
    node.put("problem", probed.problemId());
    ArrayNode draws = node.putArray("draws");
    for (Probed.Draw d : probed.draws()) {
      ObjectNode draw = draws.addObject();
      draw.put("text", d.text());
      draw.putPOJO("tokens", d.tokens());
      draw.put("finish", d.finish().name().toLowerCase(Locale.ROOT));
      draw.put("correct", d.correct()).put("solved", d.solved()).put("steps", d.steps()).put("overlong", d.overlong());
      draw.put("form", d.form().label()); // for readers; not read back
    }
    return node;
  }

  static Probed probed(JsonNode node) {
    List<Probed.Draw> draws = new ArrayList<>();
    for (JsonNode d : node.get("draws")) {
      draws.add(new Probed.Draw(text(d, "text"), ints(d, "tokens"), finish(d), d.get("correct").asBoolean(),
          d.get("solved").asBoolean(), d.get("steps").asInt(), d.get("overlong").asBoolean()));
    }
    return new Probed(text(node, "problem"), draws);
  }

  static Reason reason(JsonNode node) {
    return Reason.valueOf(text(node, "reason").toUpperCase(Locale.ROOT));
  }

  private static Generation.Finish finish(JsonNode node) {
    return Generation.Finish.valueOf(text(node, "finish").toUpperCase(Locale.ROOT));
  }

  static ObjectNode of(PreferencePair pair) {
    ObjectNode node = MAPPER.createObjectNode();
    node.put("problem_id", pair.problemId()).put("stage", pair.stage());
    node.put("prompt", pair.prompt()).put("chosen", pair.chosen()).put("rejected", pair.rejected());
    node.putPOJO("prompt_tokens", pair.promptTokens());
    node.putPOJO("chosen_tokens", pair.chosenTokens());
    node.putPOJO("rejected_tokens", pair.rejectedTokens());
    if (pair.promptContent() != null) {
      node.putPOJO("prompt_content", pair.promptContent());
    }
    return node;
  }

  static PreferencePair pair(JsonNode node) {
    return new PreferencePair(text(node, "problem_id"), text(node, "stage"), text(node, "prompt"),
        text(node, "chosen"), text(node, "rejected"), ints(node, "prompt_tokens"), ints(node, "chosen_tokens"),
        ints(node, "rejected_tokens"), node.has("prompt_content") ? ints(node, "prompt_content") : null);
  }

  static String text(JsonNode node, String field) {
    JsonNode value = node.get(field);
    if (value == null || !value.isString()) {
      throw new IllegalArgumentException("the text field \"" + field + "\" is missing");
    }
    return value.asString();
  }

  private static int[] ints(JsonNode node, String field) {
    return MAPPER.treeToValue(node.get(field), int[].class);
  }
}
