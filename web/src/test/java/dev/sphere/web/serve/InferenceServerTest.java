package dev.sphere.web.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.engine.embedded.ModelSource;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The server of models: numbers, shared texts, streams, refusals, and clients that leave. */
class InferenceServerTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static Model model;
  private static ServedModel sharing;
  private static ServedModel alone;
  private static InferenceServer server;
  // The JDK's client asks for HTTP/2 by an Upgrade header, as LangChain4j does with it.
  private final HttpClient client = HttpClient.newHttpClient();

  @BeforeAll
  static void start() {
    model = Model.load(ModelSource.resolve("embedded"));
    sharing = new ServedModel("small", model, null, null, 0, true);
    alone = new ServedModel("alone", model, null, null, 0, false);
    server = new InferenceServer(InetAddress.getLoopbackAddress(), 0, "", List.of(sharing, alone));
  }

  @AfterAll
  static void end() {
    server.close();
    sharing.close();
    alone.close();
    model.close();
  }

  private HttpResponse<String> post(String path, String json, String... headers) throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(server.address().resolve(path)).timeout(PATIENCE)
        .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(json));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private JsonNode ask(String path, String json) throws Exception {
    HttpResponse<String> answer = post(path, json);
    assertEquals(200, answer.statusCode(), answer.body());
    return JsonMapper.shared().readTree(answer.body());
  }

  private String metric(String name) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(server.address().resolve("metrics")).build();
    return client.send(request, HttpResponse.BodyHandlers.ofString()).body().lines()
        .filter(l -> l.startsWith(name + " ")).findFirst().orElseThrow().substring(name.length() + 1);
  }

  private static String ids(int[] tokens) {
    return Arrays.toString(tokens);
  }

  private static int[] tokens(String text) {
    return model.vocabulary().tokenize(text, true, true);
  }

  @Test
  void echoedLogProbsAreTheScorersToTheLastBit() throws Exception {
    int[] text = tokens("Tom has 3 boxes of 4 pens. How many pens? 3*4=12\nThe answer is 12.");
    float[] expected;
    try (Scorer scorer = Scorer.of(model, null)) {
      int[] rest = Arrays.copyOfRange(text, 1, text.length);
      expected = scorer.score(List.of(new Scorer.Row(new int[] {text[0]}, rest))).getFirst();
    }
    for (String name : List.of("small", "alone")) {
      JsonNode choice = ask("v1/completions", """
          {"model": "%s", "prompt": %s, "max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": true, "seed": 1234}
          """.formatted(name, ids(text))).path("choices").path(0);
      JsonNode own = choice.path("logprobs").path("token_logprobs");
      JsonNode top = choice.path("logprobs").path("top_logprobs");
      assertEquals(text.length + 1, own.size());
      assertEquals(text.length + 1, top.size());
      assertEquals(text.length + 1, choice.path("logprobs").path("tokens").size());
      assertTrue(own.get(0).isNull() && top.get(0).isNull());
      int greedy = 0;
      for (int i = 1; i < text.length; i++) {
        assertEquals(expected[i - 1], own.get(i).floatValue(), "token " + i);
        double most = StreamSupport.stream(top.get(i).spliterator(), false)
            .mapToDouble(JsonNode::doubleValue).max().orElseThrow();
        assertTrue(own.get(i).doubleValue() <= most);
        greedy += own.get(i).doubleValue() == most ? 1 : 0;
      }
      assertTrue(greedy > 0 && greedy < text.length - 1, greedy + " of the tokens are the likeliest ones");
      assertEquals(1, top.get(text.length).size(), "the generated token is the likeliest one");
    }
  }

  @Test
  void theNextTokenIsTheOneThatGenerationDraws() throws Exception {
    int[] prompt = tokens("Tom has 3 boxes of 4 pens. How many pens?");
    String body = "{\"prompt\": %s, \"max_tokens\": 1, \"temperature\": 0, \"echo\": %s}";
    String drawn = ask("v1/completions", body.formatted(ids(prompt), "true")).path("choices").path(0).path("text")
        .stringValue();
    String scored = ask("v1/completions", body.formatted(ids(prompt), "true, \"logprobs\": 0")).path("choices").path(0)
        .path("text").stringValue();
    assertEquals(drawn, scored);
  }

  @Test
  void choicesOfOneContextAreComputedOnceWhoeverAsks() throws Exception {
    int[] context = tokens("Ann has 7 apples and buys 5 more. Then she gives 2 to Ben. How many has she now? ");
    List<int[]> texts = new ArrayList<>();
    for (String choice : List.of("10", "12", "14 apples", "two")) {
      int[] end = model.vocabulary().tokenize(choice, false, false);
      texts.add(IntStream.concat(IntStream.of(context), IntStream.of(end)).toArray());
    }
    List<String> answers = new ArrayList<>();
    for (String name : List.of("alone", "small")) {
      long before = Long.parseLong(metric("sphere_scored_tokens_computed_total"));
      StringBuilder all = new StringBuilder();
      for (int[] text : texts) { // one after the other, as lm-evaluation-harness asks by default
        all.append(ask("v1/completions", """
            {"model": "%s", "prompt": [%s], "max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": true}
            """.formatted(name, ids(text))).path("choices"));
      }
      answers.add(all.toString());
      long computed = Long.parseLong(metric("sphere_scored_tokens_computed_total")) - before;
      int separate = texts.stream().mapToInt(t -> t.length).sum();
      int own = separate - 3 * context.length;
      if (name.equals("alone")) {
        assertTrue(computed >= separate, computed + " of " + separate + " tokens");
      } else { // a text's first token of its own is predicted by the context's last, which is read again
        assertTrue(computed <= own + 3, computed + " computed, " + own + " different tokens");
      }
    }
    assertEquals(answers.getFirst(), answers.getLast());
  }

  @Test
  void textsInOneRequestShareTheirBeginning() throws Exception {
    int[] context = tokens("Once there were 9 red and 8 blue balls in a box. How many balls were there in all? ");
    String prompts = IntStream.range(0, 6).mapToObj(i -> {
      int[] text = Arrays.copyOf(context, context.length + 1);
      text[context.length] = 10 + i;
      return ids(text);
    }).collect(Collectors.joining(",", "[", "]"));
    long before = sharing.computed();
    JsonNode choices = ask("v1/completions",
        "{\"prompt\": " + prompts + ", \"max_tokens\": 0, \"logprobs\": 0, \"echo\": true}").path("choices");
    assertEquals(6, choices.size());
    for (int i = 0; i < 6; i++) {
      assertEquals(i, choices.get(i).path("index").intValue());
    }
    assertTrue(sharing.computed() - before <= context.length + 6, "" + (sharing.computed() - before));
  }

  @Test
  void manyClientsGetTheNumbersOfOne() throws Exception {
    List<String> bodies = IntStream.range(0, 24).mapToObj(i -> """
        {"prompt": "%d plus %d is", "max_tokens": 6, "temperature": 0.7, "seed": %d, "n": 2, "logprobs": 2,
         "echo": %s}""".formatted(i, i % 5, i % 3, i % 2 == 0)).toList();
    List<JsonNode> one = new ArrayList<>();
    for (String body : bodies) {
      one.add(ask("v1/completions", body).path("choices"));
    }
    List<JsonNode> all = bodies.parallelStream().map(body -> {
      try {
        return ask("v1/completions", body).path("choices");
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }).toList();
    assertEquals(one, all);
    assertNotEquals(one.getFirst().get(0).path("text"), one.getFirst().get(1).path("text"), "two draws differ");
  }

  @Test
  void aStreamSaysWhatTheWholeAnswerSays() throws Exception {
    for (String stop : List.of("", ", \"stop\": [\"\\n\"]", ", \"stop\": \"1\"")) {
      String body = "{\"messages\": [{\"role\": \"user\", \"content\": \"Tom has 3 boxes of 4 pens. How many pens?\"}],"
          + " \"temperature\": 0, \"max_tokens\": 40" + stop;
      JsonNode whole = ask("v1/chat/completions", body + "}");
      HttpResponse<String> stream =
          post("v1/chat/completions", body + ", \"stream\": true, \"stream_options\": {\"include_usage\": true}}");
      List<String> lines = stream.body().lines().filter(l -> l.startsWith("data: ")).map(l -> l.substring(6)).toList();
      assertEquals("[DONE]", lines.getLast());
      StringBuilder text = new StringBuilder();
      String finish = "";
      for (String line : lines.subList(0, lines.size() - 2)) {
        JsonNode choice = JsonMapper.shared().readTree(line).path("choices").path(0);
        text.append(choice.path("delta").path("content").asString(""));
        finish += choice.path("finish_reason").asString("");
      }
      JsonNode expected = whole.path("choices").path(0);
      assertEquals(expected.path("message").path("content").stringValue(), text.toString());
      assertEquals(expected.path("finish_reason").stringValue(), finish);
      assertEquals(whole.path("usage"), JsonMapper.shared().readTree(lines.get(lines.size() - 2)).path("usage"));
      assertFalse(!stop.isEmpty() && text.toString().contains(stop.contains("1") ? "1" : "\n"));
    }
  }

  @Test
  void whatMayBeginAStopStringIsHeldBack() {
    StopStrings stop = new StopStrings(List.of("END", "DONE!"), true);
    assertEquals(3, stop.safe("abcDON"));
    assertEquals(6, stop.safe("abcDOX"));
    assertEquals(3, stop.safe("abcEN"));
    assertEquals(-1, stop.at("abcDONE", 3));
    assertEquals(3, stop.at("abcDONE!", 7));
    assertEquals("abc", stop.cut("abcENDDONE!"));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      v1/completions      | {}                                                  | 400 | prompt must be
      v1/completions      | {"prompt": "a", "best_of": 3}                       | 400 | best_of
      v1/completions      | {"prompt": "a", "suffix": "b"}                      | 400 | suffix
      v1/completions      | {"prompt": "a", "temperature": "hot"}               | 400 | temperature must be a number
      v1/completions      | {"prompt": "a", "max_tokens": 0}                    | 400 | echo
      v1/completions      | {"prompt": [1, 99999999]}                           | 400 | no token id below
      v1/completions      | {"prompt": [[1, -1]]}                               | 400 | no token id below
      v1/completions      | {"prompt": "a", "stop": ""}                         | 400 | empty string
      v1/completions      | {"prompt": "a", "grammar": "x"}                     | 400 | unknown field grammar
      v1/completions      | {"prompt": "a", "stream": true, "logprobs": 1}      | 400 | stream
      v1/completions      | {"prompt": "a", "model": "other"}                   | 404 | no model other
      v1/completions      | {"prompt": "a"                                      | 400 | no JSON
      v1/chat/completions | {"messages": [{"role": "robot", "content": "a"}]}   | 400 | role
      v1/chat/completions | {"messages": [{"role": "user", "content": 1}]}      | 400 | content
      v1/chat/completions | {"messages": "a", "tools": []}                      | 400 | message
      v1/responses        | {}                                                  | 404 | there is no POST /v1/responses
      """)
  void whatIsRefusedIsNamedInOpenAisForm(String path, String body, int status, String reason) throws Exception {
    HttpResponse<String> answer = post(path, body);
    JsonNode error = JsonMapper.shared().readTree(answer.body()).path("error");
    assertEquals(status, answer.statusCode(), answer.body());
    assertTrue(error.path("message").stringValue().contains(reason), answer.body());
    assertEquals("invalid_request_error", error.path("type").stringValue());
    assertTrue(error.has("param") && error.has("code"));
  }

  @Test
  void overlongPromptsAreRefusedWithBothLengths() throws Exception {
    int limit = sharing.policy().maxSequence();
    HttpResponse<String> answer = post("v1/completions", "{\"prompt\": " + ids(new int[limit + 5]) + "}");
    assertEquals(400, answer.statusCode());
    assertTrue(answer.body().contains(String.valueOf(limit + 5)) && answer.body().contains(String.valueOf(limit)));
    assertTrue(answer.body().contains("context_length_exceeded"));
  }

  @Test
  void fieldsWithoutEffectAndNullsPass() throws Exception {
    ask("v1/completions", """
        {"prompt": "a", "max_tokens": 1, "user": "me", "metadata": {"a": "b"}, "store": true, "service_tier": "auto",
         "logit_bias": {}, "presence_penalty": 0, "suffix": null, "grammar": null, "best_of": 1, "stream": false}""");
  }

  @Test
  void pagesOfOtherOriginsAndOtherHostsAreRefused() throws Exception {
    assertEquals(403, post("v1/completions", "{\"prompt\": \"a\"}", "Origin", "https://example.org").statusCode());
    assertEquals(403, post("v1/completions", "{\"prompt\": \"a\"}", "Origin", "null").statusCode());
  }

  @Test
  void anApiKeyIsAskedForEverywhereButHealth() throws Exception {
    try (InferenceServer keyed =
        new InferenceServer(InetAddress.getLoopbackAddress(), 0, "secret", List.of(sharing))) {
      int[] found = new int[4];
      String[][] asked = {{"v1/models", "x"}, {"v1/models", "Bearer wrong"}, {"v1/models", "Bearer secret"},
          {"health", "x"}};
      for (int i = 0; i < asked.length; i++) {
        HttpRequest request = HttpRequest.newBuilder(keyed.address().resolve(asked[i][0]))
            .header("Authorization", asked[i][1]).build();
        found[i] = client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode();
      }
      assertEquals(List.of(401, 401, 200, 200), IntStream.of(found).boxed().toList());
    }
  }

  @Test
  void tokensGoThereAndBack() throws Exception {
    JsonNode tokens = ask("tokenize", "{\"prompt\": \"Tom has 3\", \"add_special_tokens\": false}").path("tokens");
    assertEquals("Tom has 3", ask("detokenize", "{\"tokens\": " + tokens + "}").path("prompt").stringValue());
  }

  /** A client that leaves frees its rows: a streaming one at the next token, a waiting one within some seconds. */
  @Test
  void clientsThatLeaveAreNoticed() throws Exception {
    for (boolean stream : new boolean[] {true, false}) {
      String prompts = IntStream.range(0, 400).mapToObj(i -> "\"a\"").collect(Collectors.joining(",", "[", "]"));
      String body = "{\"prompt\": " + prompts + ", \"max_tokens\": 200, \"n\": 100, \"ignore_eos\": true, \"temperature\": 1.5,"
          + " \"seed\": 1, \"stream\": " + stream + "}";
      long before = sharing.policy().drawn();
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.address().getPort())) {
        OutputStream out = socket.getOutputStream();
        out.write(("POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:" + server.address().getPort()
            + "\r\nContent-Type: application/json\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)
            .getBytes(StandardCharsets.US_ASCII));
        out.flush();
        new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8)).readLine();
        assertEquals("2", metric("sphere_requests_running"));
      }
      long left = System.nanoTime();
      while (!metric("sphere_requests_running").equals("1")) { // this question
        assertTrue(System.nanoTime() - left < PATIENCE.toNanos(), "nobody noticed");
        Thread.sleep(20);
      }
      long drawn = -1;
      while (drawn != sharing.policy().drawn()) { // the loop's present step goes on to its end
        drawn = sharing.policy().drawn();
        Thread.sleep(200);
      }
      assertTrue(drawn - before < 400L * 100 * 200 / 2, (drawn - before) + " tokens were drawn for nobody");
    }
  }
}
