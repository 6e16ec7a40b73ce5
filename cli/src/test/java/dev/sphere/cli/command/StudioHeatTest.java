package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.Attempt;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.engine.store.RunReader;
import dev.sphere.web.studio.StudioServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Log-probabilities in the pair's view: those of the search, and what a training changed. */
class StudioHeatTest {
  @TempDir Path dir;

  private static void run(String... words) {
    assertEquals(0, Main.run(words), String.join(" ", words));
  }

  private static JsonNode get(StudioServer server, String path) throws Exception {
    HttpResponse<String> response = HttpClient.newHttpClient().send(
        HttpRequest.newBuilder(URI.create(server.address() + "api/" + path)).build(), HttpResponse.BodyHandlers.ofString());
    assertEquals(200, response.statusCode(), response.body());
    return JsonMapper.shared().readTree(response.body());
  }

  @Test
  void theReferenceIsThePolicyThatSearchedAndTrainingMovesThePairsApart() throws Exception {
    Path search = dir.resolve("r/search");
    run("search", "--model", "embedded", "--problems", "embedded:train", "--limit", "12", "--run", search.toString(), "--rollouts", "2",
        "--pairing", "any", "--temperature", "1", "--stages", "generation");
    run("train", "dpo", "--model", "embedded", "--run", search.toString(), "--out", dir.resolve("r/train").toString(), "--epochs", "3",
        "--batch-size", "4", "--learning-rate", "1e-3");
    run("train", "dpo", "--model", "embedded", "--run", search.toString(), "--adapter-out", dir.resolve("evolved.gguf").toString(),
        "--steps", "2", "--batch-size", "4");
    run("train", "dpo", "--model", "embedded-small", "--run", search.toString(), "--out", dir.resolve("r/other").toString(), "--steps", "1");
    RunReader data = RunReader.read(search);
    try (StudioServer server = new StudioServer(dir, 0)) {
      String problem = data.pairs().getFirst().problemId();
      JsonNode pair = get(server, "pair?run=r/search&n=0&problem=" + problem);
      assertEquals("", pair.get("missing").asString());
      assertEquals("r/train", pair.get("trained").get(0).get("id").asString());
      assertTrue(pair.get("trained").get(0).get("beside").asBoolean());
      assertEquals(List.of("r/train", "evolved.gguf.run"),
          pair.get("trained").valueStream().map(t -> t.get("id").asString()).toList(), "wherever the adapter lies; of this model alone");
      assertTrue(get(server, "heat?run=r/search&n=0&trained=evolved.gguf.run&problem=" + problem).get("chosen").get(0).has("after"));
      assertEquals(1, get(server, "training?run=evolved.gguf.run").get("searches").size());
      assertEquals(0, get(server, "training?run=r/other").get("searches").size(), "another model's");

      JsonNode before = get(server, "heat?run=r/search&n=0&problem=" + problem);
      JsonNode heat = get(server, "heat?run=r/search&n=0&trained=r/train&problem=" + problem);
      StringBuilder text = new StringBuilder();
      heat.get("chosen").forEach(t -> text.append(t.get("special").asBoolean() ? "" : t.get("text").asString()));
      assertEquals(pair.get("chosen").get("text").asString(), text.toString(), "the tokens are the text");
      List<Double> recorded = recorded(data, problem, text.toString());
      assertTrue(recorded.size() > 5);
      for (int i = 0; i < Math.min(recorded.size(), heat.get("chosen").size()); i++) {
        JsonNode token = heat.get("chosen").get(i);
        assertEquals(recorded.get(i), token.get("before").asDouble(), 0.05, "token " + i + ", as it was sampled");
        assertEquals(before.get("chosen").get(i).get("before").asDouble(), token.get("before").asDouble());
        assertTrue(!before.get("chosen").get(i).has("after") && token.has("after"));
      }

      JsonNode spread = get(server, "spread?run=r/train&search=r/search");
      assertEquals(data.pairs().size(), spread.get("rows").size());
      JsonNode row = spread.get("rows").valueStream().filter(r -> r.get("problem").asString().equals(problem)).findFirst().orElseThrow();
      assertEquals(change(heat.get("chosen")), row.get("chosen").asDouble(), 1e-3);
      assertEquals(change(heat.get("rejected")), row.get("rejected").asDouble(), 1e-3);
      assertNotEquals(0, row.get("chosen").asDouble());
      double margin = spread.get("rows").valueStream().mapToDouble(r -> r.get("chosen").asDouble() - r.get("rejected").asDouble())
          .average().orElseThrow();
      assertTrue(margin > 0.1, "training on these pairs moves chosen and rejected apart: " + margin);
    }
  }

  private static double change(JsonNode tokens) {
    return tokens.valueStream().mapToDouble(t -> t.get("after").asDouble() - t.get("before").asDouble()).sum();
  }

  /** The log-probabilities that the search recorded along the path of a solution. */
  private static List<Double> recorded(RunReader data, String problem, String text) {
    StageResult generation = data.stagesOf(problem).stream().filter(s -> s.stage() == Stage.GENERATION).findFirst().orElseThrow();
    Attempt attempt = generation.attempts().stream().filter(a -> a.text().equals(text)).findFirst().orElseThrow();
    Map<String, Expansion> tree = data.expansions(Set.of(problem)).get(problem).stream().collect(Collectors.toMap(Expansion::path, e -> e));
    List<Double> all = new ArrayList<>();
    for (int i = 0; i < attempt.path().length(); i++) {
      Expansion e = tree.get(attempt.path().substring(0, i));
      Candidate c = attempt.path().charAt(i) == '+' ? e.sMax() : e.sMin();
      for (float l : c.generation().logProbs()) {
        all.add((double) l);
      }
    }
    return all;
  }
}
