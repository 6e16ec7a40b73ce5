package dev.sphere.web.studio;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Generation;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.store.CheckedLines;
import dev.sphere.engine.store.PairFlags;
import dev.sphere.engine.store.RunFolder;
import dev.sphere.engine.store.RunReader;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The studio's server: who may ask, and what it says of whole, growing, damaged and hostile runs. */
class StudioServerTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @TempDir Path dir;
  private StudioServer server;
  private final HttpClient client = HttpClient.newHttpClient();

  @AfterEach
  void close() {
    if (server != null) {
      server.close();
    }
  }

  private void start(Path folder) {
    server = new StudioServer(folder, 0);
  }

  private HttpResponse<String> ask(String path) throws Exception {
    return client.send(HttpRequest.newBuilder(URI.create(server.address() + path)).timeout(PATIENCE).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private JsonNode get(String path) throws Exception {
    HttpResponse<String> response = ask("api/" + path);
    assertEquals(200, response.statusCode(), response.body());
    return JsonMapper.shared().readTree(response.body());
  }

  /** Asks until the logs are read. */
  private JsonNode read(String path) throws Exception {
    long end = System.nanoTime() + PATIENCE.toNanos();
    JsonNode node = get(path);
    while (node.get("progress").get("behind").asBoolean()
        || node.get("progress").get("read").asLong() < node.get("progress").get("size").asLong()) {
      assertTrue(System.nanoTime() < end, "the logs were not read: " + node.get("progress"));
      Thread.sleep(20);
      node = get(path);
    }
    return node;
  }

  private static List<String> ids(JsonNode page) {
    List<String> ids = new ArrayList<>();
    page.get("rows").forEach(r -> ids.add(r.get("id").asString()));
    return ids;
  }

  /** A request as it stands, for what a client would not let us say. */
  private String raw(String request) throws IOException {
    URI address = server.address();
    try (Socket socket = new Socket(address.getHost(), address.getPort())) {
      socket.getOutputStream().write(request.replace("\n", "\r\n").getBytes(StandardCharsets.ISO_8859_1));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  @Test
  void everyPathAsksForTheTokenAndTheHost() throws Exception {
    StudioRuns.search(dir.resolve("run"), 3);
    start(dir);
    String host = "127.0.0.1:" + server.address().getPort();
    String token = server.address().getPath().replace("/", "");
    assertEquals(32, token.length());
    for (String path : List.of("", "index.html", "api/runs", "app.js", "lib/katex.js", "api/events")) {
      for (String wrong : List.of("x", token.substring(1), token + "0", "0".repeat(32), "%2e%2e")) {
        String answer = raw("GET /" + wrong + "/" + path + " HTTP/1.1\nHost: " + host + "\nConnection: close\n\n");
        assertTrue(answer.startsWith("HTTP/1.1 403"), wrong + "/" + path + ": " + answer);
        assertTrue(answer.contains("wrong or missing token"), answer);
        assertFalse(answer.contains(token), answer);
      }
      String foreign = raw("GET /" + token + "/" + path + " HTTP/1.1\nHost: evil.example:" + server.address().getPort()
          + "\nConnection: close\n\n");
      assertTrue(foreign.startsWith("HTTP/1.1 403") && foreign.contains("127.0.0.1"), foreign);
    }
    assertTrue(raw("GET /" + token + "/ HTTP/1.1\nHost: localhost:" + server.address().getPort() + "\nConnection: close\n\n")
        .startsWith("HTTP/1.1 200"));
    StudioServer other = new StudioServer(dir, 0);
    other.close();
    assertFalse(other.address().getPath().contains(token), "each start has its own token");
  }

  /** A pipe or a link in one run stops no page of another, and nothing outside a run is sent. */
  @Test
  void aStrangersRunStopsNoOther() throws Exception {
    StudioRuns.search(dir.resolve("runs/good"), 3);
    Path outside = Files.writeString(dir.resolve("secret.jsonl"), "{\"step\":1,\"loss\":42.25}\n");
    Path pipe = Files.createDirectory(dir.resolve("runs/pipe")).resolve("metrics.jsonl");
    assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
    Files.createSymbolicLink(Files.createDirectory(dir.resolve("runs/link")).resolve("metrics.jsonl"), outside);
    Files.createSymbolicLink(
        Files.createDirectory(dir.resolve("runs/device")).resolve("run.json"), Path.of("/dev/zero"));
    start(dir.resolve("runs"));
    JsonNode runs = get("runs");
    assertEquals(4, runs.get("runs").size(), runs.toString());
    for (JsonNode run : runs.get("runs")) {
      boolean good = run.get("id").asString().equals("good");
      assertEquals(good ? "done" : "damaged", run.get("state").asString(), run.toString());
      assertTrue(good || run.get("error").asString().contains("no plain file"), run.toString());
    }
    assertFalse(runs.toString().contains("42.25"), runs.toString());
    for (String run : List.of("pipe", "link", "device")) {
      String page = run.equals("device") ? "api/run?run=device" : "api/training?run=" + run;
      HttpResponse<String> response = ask(page);
      assertTrue(response.statusCode() >= 400, page + ": " + response.body());
      assertFalse(response.body().contains("42.25"), response.body());
    }
    assertEquals(3, ids(get("problems?run=good")).size());
  }

  @Test
  void onlyTheStudiosOwnFilesAreServed() throws Exception {
    Files.writeString(dir.resolve("secret.txt"), "secret");
    StudioRuns.search(dir.resolve("run"), 3);
    start(dir);
    for (String name : List.of("", "app.js", "studio.css", "page.css", "tree.js", "text.js", "sphere.svg", "lib/lit-html.js",
        "lib/katex.js", "lib/katex.css", "lib/uplot.js", "lib/uplot.css", "lib/fonts/KaTeX_Main-Regular.woff2")) {
      HttpResponse<String> response = ask(name);
      assertEquals(200, response.statusCode(), name);
      String policy = response.headers().firstValue("Content-Security-Policy").orElseThrow();
      assertTrue(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), policy);
      assertFalse(policy.contains("unsafe"), policy);
      assertEquals("no-referrer", response.headers().firstValue("Referrer-Policy").orElseThrow());
    }
    String page = ask("").body();
    assertFalse(page.contains("<script>") || page.contains("style=") || page.matches("(?s).*\\son[a-z]+=.*"), "nothing inline");
    for (String path : List.of("../secret.txt", "..%2fsecret.txt", "%2e%2e/%2e%2e/secret.txt", "StudioServer.class", "lib/../app.js",
        "lib/fonts/..%2f..%2fkatex.mjs", "/etc/passwd", "secret.txt", "api/nothing")) {
      HttpResponse<String> response = client.send(HttpRequest.newBuilder(URI.create(server.address() + path)).build(),
          HttpResponse.BodyHandlers.ofString());
      assertTrue(response.statusCode() >= 400, path + ": " + response.body());
      assertFalse(response.body().contains("secret\n") || response.body().equals("secret"), path);
    }
    for (String run : List.of("../" + dir.getFileName() + "/run", "run/../run", "/etc", "run\0", "C:\\")) {
      HttpResponse<String> response = ask("api/run?run=" + URLEncoder.encode(run, StandardCharsets.UTF_8));
      assertEquals(404, response.statusCode(), run);
      assertTrue(response.body().contains("there is no run"), response.body());
    }
  }

  @Test
  void runsAreFoundByWhatTheyAre() throws Exception {
    StudioRuns.search(dir.resolve("a/search"), 6);
    StudioRuns.search(dir.resolve("b"), 6, 2);
    Files.createDirectories(dir.resolve("a/train"));
    Files.writeString(dir.resolve("a/train/metrics.jsonl"),
        "{\"step\":1,\"epoch\":0.5,\"loss\":0.7}\n{\"step\":2,\"epoch\":1.0,\"loss\":0.5}\n{\"step\":3,\"epo");
    Files.writeString(dir.resolve("answers.jsonl"), answer("x", true) + answer("y", false) + "{\"problemId\":\"z\",\"te");
    Files.writeString(dir.resolve("other.jsonl"), "{\"prompt\":\"p\"}\n");
    Files.createDirectories(dir.resolve("broken"));
    Files.writeString(dir.resolve("broken/run.json"), "{\"crc\":\"00000000\",\"format\":2}");
    start(dir);
    JsonNode runs = get("runs").get("runs");
    assertEquals(5, runs.size(), runs.toString());
    assertEquals("a/search", runs.get(0).get("id").asString());
    assertEquals(6, runs.get(0).get("ended").asInt());
    assertEquals("done", runs.get(0).get("state").asString());
    assertEquals(2, runs.get(1).get("step").asInt(), "the torn last line does not count");
    assertEquals("eval", runs.get(2).get("kind").asString());
    assertEquals(0.5, runs.get(2).get("accuracy").asDouble());
    assertTrue(runs.get(2).get("error").asString().contains("1 damaged"), runs.get(2).toString());
    assertEquals(2, runs.get(3).get("ended").asInt());
    assertEquals("running", runs.get(3).get("state").asString(), "it was written just now");
    assertEquals("damaged", runs.get(4).get("state").asString());
    assertTrue(runs.get(4).get("error").asString().contains("run.json: damaged"), runs.get(4).toString());
    HttpResponse<String> broken = ask("api/run?run=broken");
    assertEquals(422, broken.statusCode());
    assertTrue(broken.body().contains("bring it back from a copy"), broken.body());
  }

  private static String answer(String id, boolean correct) {
    return answer(id, correct, "{}");
  }

  private static String answer(String id, boolean correct, String metadata) {
    return "{\"problemId\":\"" + id + "\",\"gold\":\"1\",\"sample\":-1,\"text\":\"t\",\"answer\":\"1\",\"correct\":" + correct
        + ",\"how\":\"same text\",\"tokens\":1,\"truncated\":false,\"metadata\":" + metadata + "}\n";
  }

  @Test
  void roundsHaveFiguresByLevel() throws Exception {
    Path evolve = Files.createDirectories(dir.resolve("e/round-1"));
    Files.writeString(dir.resolve("e/recipe.json"), "{}");
    String one = "{\"level\":\"1\"}";
    String two = "{\"level\":\"2\"}";
    Files.writeString(dir.resolve("e/base-answers.jsonl"), answer("w", true, one) + answer("x", true, one) + answer("y", true, two) + answer("z", false, two));
    Files.writeString(evolve.resolve("answers.jsonl"), answer("w", true, one) + answer("x", true, one) + answer("y", true, two) + answer("z", true, two));
    start(dir);
    JsonNode e = get("evolution?run=e");
    assertEquals(0.5, e.get("base").get("breakdown").get(1).get("accuracy").asDouble());
    JsonNode last = e.get("rounds").get(0).get("breakdown").get(1);
    assertEquals("level", last.get("field").asString());
    assertEquals("2", last.get("value").asString());
    assertEquals(1.0, last.get("accuracy").asDouble());
  }

  @Test
  void aTableIsPagedSortedAndFiltered() throws Exception {
    StudioRuns.search(dir.resolve("run"), 250);
    start(dir);
    JsonNode run = read("run?run=run");
    assertEquals(250, run.get("figures").get("ended").asInt());
    assertEquals(166, run.get("figures").get("withPairs").asInt());
    assertEquals(166, run.get("figures").get("pairs").get("generation").asInt());
    assertEquals(500, run.get("figures").get("solutions").asInt());
    assertEquals(334, run.get("figures").get("right").asInt());
    assertEquals("no_small_model", run.get("figures").get("reasons").get(0).get("label").asString());
    assertEquals(750, run.get("figures").get("expansions").asInt());
    JsonNode tokens = run.get("figures").get("tokens");
    assertEquals(250 * 5 * 2, tokens.get("generation").asInt(), "five candidates of two tokens each");
    assertEquals(250 * 10 * 2, tokens.get("repeated").asInt(), "of fifteen draws");
    assertEquals(250 * 90, tokens.get("rollouts").asInt());
    assertFalse(tokens.has("probe"), "there was none");
    assertEquals(List.of(), run.get("warnings").valueStream().toList());
    JsonNode kinds = run.get("figures").get("classes").get(0);
    assertEquals("kind", kinds.get("field").asString());
    assertEquals(125, kinds.get("rows").get(0).get("problems").asInt());

    JsonNode page = get("problems?run=run&from=100&count=20");
    assertEquals(250, page.get("matched").asInt());
    assertEquals(IntStream.range(100, 120).mapToObj(i -> "p" + i).toList(), ids(page));
    assertEquals(List.of("p248", "p249"), ids(get("problems?run=run&from=248&count=20")));
    assertEquals(List.of(), ids(get("problems?run=run&from=900&count=20")));
    assertEquals("p249", ids(get("problems?run=run&sort=number&desc=1&count=1")).getFirst());
    assertEquals(List.of("p0", "p1", "p10"), ids(get("problems?run=run&sort=id&count=3")));
    JsonNode rewarded = get("problems?run=run&sort=reward&desc=1&count=1").get("rows").get(0);
    assertEquals(1.0, rewarded.get("max").asDouble(), 1e-6);
    assertEquals(84, get("problems?run=run&reason=none").get("matched").asInt());
    assertEquals(84, get("problems?run=run&reason=no_small_model").get("matched").asInt());
    assertEquals(166, get("problems?run=run&stage=generation").get("matched").asInt());
    assertEquals(0, get("problems?run=run&stage=correction").get("matched").asInt());
    assertEquals(List.of("p117"), ids(get("problems?run=run&text=IS+117+and")));
    assertEquals(125, get("problems?run=run&field=kind&value=odd").get("matched").asInt());
    assertEquals(0, get("problems?run=run&text=question").get("matched").asInt(), "names of fields are no text");
    assertEquals(400, ask("api/problems?run=run&from=-1").statusCode());
  }

  @Test
  void aProblemComesWithItsRecordsAndHostileTextStaysText() throws Exception {
    StudioRuns.search(dir.resolve("run"), 3);
    start(dir);
    read("run?run=run");
    HttpResponse<String> response = ask("api/problem?run=run&problem=p1");
    assertEquals("application/json", response.headers().firstValue("Content-Type").orElseThrow());
    assertEquals("nosniff", response.headers().firstValue("X-Content-Type-Options").orElseThrow());
    JsonNode p = JsonMapper.shared().readTree(response.body());
    assertEquals("How much is 1 and 1? <script>alert(1)</script>", p.get("problem").get("question").asString());
    assertEquals(3, p.get("tree").size());
    assertEquals(3, p.get("stages").size());
    assertEquals("1.5", p.get("settings").get("search.uct").asString());
    HttpResponse<String> unknown = ask("api/problem?run=run&problem=p9");
    assertEquals(404, unknown.statusCode());
    assertTrue(unknown.body().contains("the run has no problem p9"), unknown.body());
  }

  @Test
  void aPairIsReadGradedAndFlagged() throws Exception {
    Path run = StudioRuns.search(dir.resolve("run"), 6);
    start(dir);
    JsonNode pair = get("pair?run=run&problem=p1&n=0");
    assertEquals(1, pair.get("of").asInt());
    assertEquals(4, pair.get("pairs").asInt());
    assertEquals("2", pair.get("chosen").get("answer").asString());
    assertEquals("box", pair.get("chosen").get("form").asString());
    assertTrue(pair.get("chosen").get("right").asBoolean());
    assertFalse(pair.get("rejected").get("right").asBoolean());
    String text = pair.get("chosen").get("text").asString();
    assertEquals("2", text.substring(pair.get("chosen").get("from").asInt(), pair.get("chosen").get("to").asInt()));
    assertTrue(pair.get("missing").asString().contains("/nowhere/model.gguf is not there"), pair.toString());
    HttpResponse<String> heat = ask("api/heat?run=run&problem=p1&n=0");
    assertEquals(400, heat.statusCode());
    assertTrue(heat.body().contains("log-probabilities cannot be computed"), heat.body());
    HttpResponse<String> none = ask("api/pair?run=run&problem=p1&n=1");
    assertEquals(404, none.statusCode());
    assertTrue(none.body().contains("has one pair: there is no pair 2"), none.body());

    assertTrue(pair.get("flag").isNull());
    assertEquals(1, flag("p1", "\"same\"").get("flagged").asInt());
    assertEquals("same", get("pair?run=run&problem=p1&n=0").get("flag").asString());
    assertEquals(Map.of(PairFlags.key("Q1", text, pair.get("rejected").get("text").asString()), PairFlags.Flag.SAME),
        PairFlags.read(run));
    assertEquals(2, flag("p2", "\"misread\"").get("flagged").asInt());
    assertEquals(2, get("run?run=run").get("flagged").asInt());
    assertEquals(1, flag("p1", "null").get("flagged").asInt());
    HttpResponse<String> wrong = post("api/flag?run=run&problem=p1&n=0", "{\"flag\":\"nonsense\"}");
    assertEquals(400, wrong.statusCode());
    assertTrue(wrong.body().contains("no flag: nonsense"), wrong.body());
    assertEquals(400, post("api/flag?run=run&problem=p1&n=0", "{").statusCode());
  }

  private HttpResponse<String> post(String path, String body) throws Exception {
    return client.send(HttpRequest.newBuilder(URI.create(server.address() + path)).timeout(PATIENCE)
        .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body)).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private JsonNode flag(String problem, String label) throws Exception {
    HttpResponse<String> response = post("api/flag?run=run&problem=" + problem + "&n=0", "{\"flag\":" + label + "}");
    assertEquals(200, response.statusCode(), response.body());
    return JsonMapper.shared().readTree(response.body());
  }

  @Test
  void evaluationsAreComparedProblemByProblem() throws Exception {
    Path evolve = Files.createDirectories(dir.resolve("e/round-1"));
    Files.writeString(dir.resolve("e/recipe.json"), "{}");
    Files.writeString(dir.resolve("e/base-answers.jsonl"), answer("w", false) + answer("x", true) + answer("y", false) + answer("z", true));
    Files.writeString(evolve.resolve("answers.jsonl"), answer("w", true) + answer("x", true) + answer("y", true) + answer("z", false));
    start(dir);
    JsonNode e = get("evolution?run=e");
    assertEquals(0.5, e.get("base").get("accuracy").asDouble());
    JsonNode round = e.get("rounds").get(0);
    assertEquals(0.75, round.get("accuracy").asDouble());
    assertEquals(2, round.get("sinceBase").get("won").asInt());
    assertEquals(1, round.get("sinceBase").get("lost").asInt());
    assertEquals("e/round-1/answers.jsonl", round.get("answers").asString());
    String both = "a=e/base-answers.jsonl&b=e/round-1/answers.jsonl";
    JsonNode c = get("compare?" + both);
    assertEquals(4, c.get("common").asInt());
    assertEquals(2, c.get("kinds").get("won").asInt());
    assertEquals(List.of("w", "y"), ids(get("compare?" + both + "&which=won")));
    assertEquals(List.of("z"), ids(get("compare?" + both + "&which=lost")));
    assertEquals(List.of("y", "z"), ids(get("compare?" + both + "&from=2")));
    JsonNode answers = get("answers?" + both + "&problem=z");
    assertTrue(answers.get("a").get(0).get("correct").asBoolean());
    assertFalse(answers.get("b").get(0).get("correct").asBoolean());
    assertEquals(List.of("z"), ids(get("compare?b=e/round-1/answers.jsonl&which=wrong")));
    assertEquals(400, ask("api/compare?a=e/base-answers.jsonl").statusCode());
  }

  @Test
  void curvesAreThinnedAndDamagedLinesLeftOut() throws Exception {
    Path train = Files.createDirectories(dir.resolve("t"));
    StringBuilder lines = new StringBuilder();
    for (int i = 1; i <= 10_000; i++) {
      lines.append("{\"step\":").append(i).append(",\"loss\":0.5}\n");
    }
    Files.writeString(train.resolve("metrics.jsonl"), lines + "nonsense\n");
    start(dir);
    JsonNode t = get("training?run=t");
    assertEquals(1, t.get("damaged").asInt());
    assertTrue(t.get("rows").size() <= 3_000 && t.get("rows").size() > 2_000, t.get("rows").size() + " points");
    assertEquals(Files.size(train.resolve("metrics.jsonl")), t.get("at").asLong());
    assertEquals(409, ask("api/spread?run=t&search=none").statusCode(), "it has left nothing yet");
  }

  /** Text that looks like a record's fields counts for nothing. */
  @Test
  void tokensAreCountedByTheirUse() throws Exception {
    Path run = dir.resolve("run");
    try (RunFolder store = StudioRuns.open(run, StudioRuns.problems(2), false)) {
      Candidate rolled = new Candidate(new Generation(new int[] {1, 2, 3}, new float[3], "a \"count\":9 \\ \"tokens\":[7]\n",
          Generation.Finish.STOP), 0, 2, false, false, false, 0.5, 0.5, 8);
      store.append(new Expansion("p0", "diversity", "", List.of(rolled), 0, 0, 2));
    }
    byte[] probed = "{\"problem\":\"p1\",\"draws\":[{\"tokens\":[4,5],\"solved\":true}]}".getBytes(StandardCharsets.UTF_8);
    Files.write(run.resolve("probe.jsonl"), CheckedLines.frame(probed));
    start(dir);
    JsonNode tokens = read("run?run=run").get("figures").get("tokens");
    assertEquals("{\"diversity\":3,\"repeated\":3,\"probe\":2}", tokens.toString());
  }

  /** The rows of all steps since the point before, each with its pair in a search, where it has one. */
  @Test
  void aPointOfACurveLeadsToItsRows() throws Exception {
    Path search = StudioRuns.search(dir.resolve("x/search"), 6);
    Path train = Files.createDirectories(dir.resolve("x/train"));
    Files.writeString(train.resolve("metrics.jsonl"),
        "{\"step\":0,\"eval_loss\":1}\n{\"step\":2,\"loss\":0.7}\nnonsense\n{\"step\":3,\"loss\":0.5}\n");
    List<String> lines = new ArrayList<>(List.of("{\"rows\":5,\"batch_size\":2,\"order\":\"given\",\"seed\":1}"));
    for (PreferencePair pair : RunReader.read(search).pairs()) {
      lines.add("{\"row\":\"pair (" + pair.problemId() + ")\",\"tree\":" + lines.size() + ",\"problem\":\"" + pair.problemId()
          + "\",\"pair\":\"" + PairFlags.key(pair) + "\"}");
    }
    lines.add("{\"row\":\"another\",\"tree\":9,\"problem\":\"p1\",\"pair\":\"00\"}");
    StringBuilder rows = new StringBuilder();
    lines.forEach(l -> rows.append(new String(CheckedLines.frame(l.getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8)));
    start(dir);
    HttpResponse<String> none = ask("api/batch?run=x/train&step=2");
    assertEquals(409, none.statusCode());
    assertTrue(none.body().contains("rows.jsonl: missing"), none.body());
    Files.writeString(train.resolve("rows.jsonl"), rows);
    JsonNode both = get("batch?run=x/train&step=2");
    assertEquals("1 2 4 x/search", both.get("first") + " " + both.get("last") + " " + both.get("all") + " "
        + both.get("search").asString());
    assertEquals(List.of("p1", "p2", "p4", "p5"), both.get("rows").valueStream().map(r -> r.get("problem").asString()).toList());
    assertEquals(List.of(1, 1, 2, 2), both.get("rows").valueStream().map(r -> r.get("step").asInt()).toList());
    assertEquals(0, both.get("rows").get(0).get("n").asInt());
    JsonNode last = get("batch?run=x/train&step=3&search=x/search");
    assertEquals("3 3 1", last.get("first") + " " + last.get("last") + " " + last.get("all"));
    assertEquals("another", last.get("rows").get(0).get("row").asString());
    assertFalse(last.get("rows").get(0).has("problem"), "no pair of the problem has its texts");
    assertEquals(0, get("batch?run=x/train&step=0").get("all").asInt());
    assertEquals(404, ask("api/batch?run=x/train&step=1").statusCode(), "no point is there");
    assertEquals(404, ask("api/batch?run=x/search&step=1").statusCode(), "no training");
    Files.writeString(train.resolve("rows.jsonl"), rows.toString().replaceFirst("p4", "p9"));
    HttpResponse<String> damaged = ask("api/batch?run=x/train&step=2");
    assertEquals(409, damaged.statusCode());
    assertTrue(damaged.body().contains("rows.jsonl, line 4: damaged"), damaged.body());
  }

  @Test
  void aDamagedLogIsNamedAndTheRestIsShown() throws Exception {
    Path run = StudioRuns.search(dir.resolve("run"), 30);
    byte[] stages = Files.readAllBytes(run.resolve("stages.jsonl"));
    stages[200] ^= 1;
    Files.write(run.resolve("stages.jsonl"), stages);
    Files.writeString(run.resolve("tree.jsonl"), "not even JSON\n", StandardOpenOption.APPEND);
    Files.writeString(run.resolve("results.jsonl"), "{\"crc\":\"half a li", StandardOpenOption.APPEND);
    List<String> problems = new ArrayList<>(Files.readAllLines(run.resolve("problems.jsonl")));
    problems.set(4, "{\"problem\":");
    Files.write(run.resolve("problems.jsonl"), problems);
    start(dir);
    JsonNode answer = get("run?run=run");
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (answer.get("progress").get("behind").asBoolean() && System.nanoTime() < end) {
      Thread.sleep(20);
      answer = get("run?run=run");
    }
    String warnings = answer.get("warnings").toString();
    assertTrue(warnings.contains("stages.jsonl, line 1: damaged"), warnings);
    assertTrue(warnings.contains("tree.jsonl, line 91: damaged"), warnings);
    assertTrue(warnings.contains("problems.jsonl, line 5: damaged"), warnings);
    assertTrue(warnings.contains("tree.jsonl: 3 lines are of no problem of this run"), warnings);
    assertFalse(warnings.contains("results.jsonl, line 31"), "its writer may still be at it: " + warnings);
    assertEquals(29, answer.get("figures").get("problems").asInt());
    assertEquals(29, get("problems?run=run").get("matched").asInt());
    Files.delete(run.resolve("problems.jsonl"));
    server.close();
    start(dir);
    assertTrue(get("run?run=run").get("warnings").toString().contains("problems.jsonl: missing"));
  }

  @Test
  void aGrowingRunIsFollowed() throws Exception {
    Path run = StudioRuns.search(dir.resolve("run"), 5, 1);
    start(dir);
    read("run?run=run");
    try (Events events = new Events("run=run"); Events ofProblem = new Events("run=run&problem=p3")) {
      assertEquals(1, events.next("run").get("figures").get("ended").asInt());
      try (RunFolder store = StudioRuns.open(run, StudioRuns.problems(5), true)) {
        StudioRuns.solve(store, 3);
      }
      assertEquals("", ofProblem.next("tree").get("path").asString());
      assertEquals("+", ofProblem.next("tree").get("path").asString());
      assertEquals("-", ofProblem.next("tree").get("path").asString());
      assertEquals("generation", ofProblem.next("stages").get("stage").asString());
      int ended = 0;
      while (ended < 2) {
        ended = events.next("run").get("figures").get("ended").asInt();
      }
    }
    Path train = Files.createDirectories(dir.resolve("train"));
    Path metrics = train.resolve("metrics.jsonl");
    Files.writeString(metrics, "{\"step\":1,\"loss\":0.7}\n{\"step\":2,");
    try (Events events = new Events("run=train")) {
      assertEquals(1, events.next("metrics").get("step").asInt());
      Files.writeString(metrics, "\"loss\":0.5}\n", StandardOpenOption.APPEND);
      assertEquals(0.5, events.next("metrics").get("loss").asDouble());
      assertEquals(String.valueOf(Files.size(metrics)), events.id, "where to go on");
      Files.writeString(metrics, "{\"step\":1,\"loss\":9}\n");
      events.next("again");
      assertEquals(9, events.next("metrics").get("loss").asDouble());
    }
  }

  /** Server-sent events, as a browser reads them. */
  private final class Events implements AutoCloseable {
    private final Socket socket;
    private final BufferedReader in;
    private String id = "";

    Events(String query) throws IOException {
      URI address = server.address();
      socket = new Socket(address.getHost(), address.getPort());
      socket.setSoTimeout((int) PATIENCE.toMillis());
      socket.getOutputStream().write(("GET " + address.getPath() + "api/events?" + query + " HTTP/1.1\r\nHost: 127.0.0.1:"
          + address.getPort() + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
      in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
    }

    JsonNode next(String name) throws IOException {
      String event = "";
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        if (line.startsWith("event: ")) {
          event = line.substring(7);
        } else if (line.startsWith("id: ")) {
          id = line.substring(4);
        } else if (line.startsWith("data: ")) {
          assertEquals(name, event, line);
          return JsonMapper.shared().readTree(line.substring(6));
        }
      }
      throw new AssertionError("the events ended before one of the name " + name);
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  @Test
  void aPortInUseAndAFolderThatIsNotThereAreOneClearErrorEach() throws Exception {
    start(dir);
    int port = server.address().getPort();
    assertTrue(assertThrows(IllegalArgumentException.class, () -> new StudioServer(dir, port)).getMessage()
        .contains("port " + port + " is in use"));
    assertTrue(assertThrows(IllegalArgumentException.class, () -> new StudioServer(dir.resolve("nowhere"), 0)).getMessage()
        .contains("is not there"));
    Files.writeString(dir.resolve("file"), "");
    assertTrue(assertThrows(IllegalArgumentException.class, () -> new StudioServer(dir.resolve("file"), 0)).getMessage()
        .contains("is no folder"));
    assertEquals(0, get("runs").get("runs").size(), "a folder without runs is no error");
    HttpResponse<String> post = client.send(HttpRequest.newBuilder(URI.create(server.address() + "api/flag"))
        .POST(HttpRequest.BodyPublishers.ofString("{}")).header("Content-Type", "text/plain").build(),
        HttpResponse.BodyHandlers.ofString());
    assertEquals(415, post.statusCode(), "a form of another page");
  }
}
