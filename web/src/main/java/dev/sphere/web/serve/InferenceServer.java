package dev.sphere.web.serve;

import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.web.HttpError;
import dev.sphere.web.LocalServer;
import dev.sphere.web.Request;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import tools.jackson.databind.JsonNode;

/**
 * A server with the routes of OpenAI's API that evaluators and chat programs use: {@code /v1/completions}, with the
 * log-probabilities of a prompt ({@code echo}); {@code /v1/chat/completions}; {@code /v1/models}; and {@code /tokenize},
 * {@code /detokenize}, {@code /tokenizer_info}, {@code /health}, {@code /metrics}. The first model answers where a
 * request names none.
 */
public final class InferenceServer implements AutoCloseable {
  private static final int MOST_BODY = 64 << 20;

  private final Map<String, ServedModel> models = new LinkedHashMap<>();
  private final ServedModel first;
  private final LocalServer server;
  private final long started = System.currentTimeMillis() / 1000;
  private final LongAdder requests = new LongAdder();
  private final LongAdder failures = new LongAdder();
  private final LongAdder promptTokens = new LongAdder();
  private final LongAdder generatedTokens = new LongAdder();
  private final AtomicInteger running = new AtomicInteger();

  private final class Routes implements LocalServer.Site {
    @Override
    public void answer(Request request) throws IOException {
      requests.increment();
      running.incrementAndGet();
      try {
        route(request);
      } catch (RuntimeException | Error e) {
        failures.increment();
        throw e;
      } finally {
        running.decrementAndGet();
      }
    }

    @Override
    public Object error(int status, String message, Map<String, String> details) {
      Map<String, Object> error = new LinkedHashMap<>();
      error.put("message", message);
      error.put("type", status < 500 ? "invalid_request_error" : "server_error");
      error.put("param", details.get("param"));
      error.put("code", details.get("code"));
      return Map.of("error", error);
    }
  }

  /**
   * Starts.
   *
   * @param address the interface
   * @param port 0 for a free one
   * @param apiKey that each request but {@code /health} must send; empty for none
   * @param served models with different names, at least one; the caller closes them after the server
   */
  public InferenceServer(InetAddress address, int port, String apiKey, List<ServedModel> served) {
    served.forEach(m -> models.put(m.name(), m));
    this.first = served.getFirst();
    this.server = new LocalServer(address, port, new LocalServer.Secret(apiKey, false), new Routes());
  }

  /** The server's address, with a slash at its end. */
  public URI address() {
    return server.address();
  }

  private void route(Request request) throws IOException {
    boolean post = request.isPost();
    switch (request.path() + (post ? "" : " GET")) {
      case "v1/completions" -> complete(request, false);
      case "v1/chat/completions" -> complete(request, true);
      case "tokenize" -> tokenize(request);
      case "detokenize" -> detokenize(request);
      case "v1/models GET" -> request.sendJson(Map.of("object", "list", "data",
          models.values().stream().map(this::describe).toList()));
      case "tokenizer_info GET" -> request.sendJson(tokenizer());
      case "health GET" -> request.sendJson(Map.of("status", "ok"));
      case "metrics GET" -> request.sendText(metrics());
      default -> throw new HttpError(404, "there is no " + (post ? "POST /" : "GET /") + request.path());
    }
  }

  private Map<String, Object> describe(ServedModel model) {
    return Map.of("id", model.name(), "object", "model", "created", started, "owned_by", "sphere",
        "root", first.name(), "max_model_len", model.policy().maxSequence());
  }

  private ServedModel model(Fields fields) {
    String name = fields.text("model", first.name());
    ServedModel model = models.get(name);
    if (model == null) {
      throw new HttpError(404, "there is no model " + name + ", only " + String.join(", ", models.keySet()),
          Map.of("code", "model_not_found", "param", "model"));
    }
    return model;
  }

  private void complete(Request http, boolean chat) throws IOException {
    Fields fields = new Fields(http.json(MOST_BODY));
    ServedModel model = model(fields);
    CompletionRequest request =
        chat ? CompletionRequest.chat(fields, model) : CompletionRequest.completions(fields, model);
    promptTokens.add(request.prompts().stream().mapToInt(p -> p.length).sum());
    generatedTokens.add(new AnswerSender(http, request).send());
  }

  private void tokenize(Request http) throws IOException {
    Fields fields = new Fields(http.json(MOST_BODY));
    ServedModel model = model(fields);
    String text = fields.text("prompt", null);
    text = text != null ? text : fields.text("content", null); // llama-server's name
    if (text == null) {
      throw Fields.bad("prompt must be a string");
    }
    int[] tokens = model.vocabulary().tokenize(text, fields.flag("add_special_tokens", true), true);
    http.sendJson(Map.of("tokens", tokens, "count", tokens.length, "max_model_len", model.policy().maxSequence()));
  }

  private void detokenize(Request http) throws IOException {
    Fields fields = new Fields(http.json(MOST_BODY));
    ServedModel model = model(fields);
    JsonNode tokens = fields.node("tokens");
    if (!tokens.isArray()) {
      throw Fields.bad("tokens must be an array of token ids");
    }
    http.sendJson(Map.of("prompt",
        model.policy().detokenize(Fields.tokens("tokens", tokens, model.vocabulary().size()))));
  }

  private Map<String, Object> tokenizer() {
    Vocabulary v = first.vocabulary();
    Map<String, Object> info = new LinkedHashMap<>();
    info.put("bos_token", name(v, v.start()));
    info.put("eos_token", name(v, v.end()));
    info.put("pad_token", name(v, v.end()));
    info.put("chat_template", first.template().source());
    return info;
  }

  private static String name(Vocabulary v, int token) {
    return token == Vocabulary.NONE ? null : v.name(token);
  }

  private String metrics() {
    StringBuilder text = new StringBuilder();
    metric(text, "requests_total", "counter", requests.sum());
    metric(text, "requests_failed_total", "counter", failures.sum());
    metric(text, "requests_running", "gauge", running.get());
    metric(text, "prompt_tokens_total", "counter", promptTokens.sum());
    metric(text, "generated_tokens_total", "counter", generatedTokens.sum());
    metric(text, "scored_tokens_total", "counter", models.values().stream().mapToLong(ServedModel::scored).sum());
    metric(text, "scored_tokens_computed_total", "counter",
        models.values().stream().mapToLong(ServedModel::computed).sum());
    return text.toString();
  }

  private static void metric(StringBuilder text, String name, String type, long value) {
    text.append("# TYPE sphere_").append(name).append(' ').append(type).append("\nsphere_").append(name).append(' ')
        .append(value).append('\n');
  }

  @Override
  public void close() {
    server.close();
  }
}
