package dev.sphere.web;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;

/** A request that knew the server's secret, and its answer. */
public final class Request {
  private static final Map<String, String> TYPES = Map.of(
      "html", "text/html; charset=utf-8",
      "js", "text/javascript; charset=utf-8",
      "mjs", "text/javascript; charset=utf-8",
      "css", "text/css; charset=utf-8",
      "svg", "image/svg+xml",
      "woff2", "font/woff2");

  private final HttpExchange exchange;
  private final String path;

  Request(HttpExchange exchange, String path) {
    this.exchange = exchange;
    this.path = path;
  }

  /** The path below the secret, still encoded, without a slash at its beginning. */
  public String path() {
    return path;
  }

  /** The parameters after the question mark. */
  public Query query() {
    return Query.of(exchange.getRequestURI().getRawQuery());
  }

  /** The first header of a name. */
  public Optional<String> header(String name) {
    return Optional.ofNullable(exchange.getRequestHeaders().getFirst(name));
  }

  /** True for a POST, false for a GET. */
  public boolean isPost() {
    return switch (exchange.getRequestMethod()) {
      case "POST" -> true;
      case "GET" -> false;
      default -> throw new HttpError(405, "only GET and POST are answered");
    };
  }

  /**
   * The JSON text of a POST.
   *
   * @param most bytes
   * @throws HttpError 413 for a longer text
   * @throws HttpError 415 for another Content-Type: forms and scripts of other pages cannot send this one without
   *     asking first
   */
  public byte[] json(int most) throws IOException {
    if (!header("Content-Type").orElse("").matches("(?i)application/json\\s*(;.*)?")) {
      throw new HttpError(415, "a POST must be application/json");
    }
    byte[] body = exchange.getRequestBody().readNBytes(most + 1);
    if (body.length > most) {
      throw new HttpError(413, "a body of more than " + most + " bytes");
    }
    return body;
  }

  /** Answers with a value as JSON; Jackson must know how to write it. */
  public void sendJson(Object value) throws IOException {
    sendJson(200, value);
  }

  void sendJson(int status, Object value) throws IOException {
    send(status, "application/json", JsonMapper.shared().writeValueAsBytes(value));
  }

  /** Answers with text. */
  public void sendText(String text) throws IOException {
    send(200, "text/plain; charset=utf-8", text.getBytes(StandardCharsets.UTF_8));
  }

  /** Answers with a file of the jar; its type follows from its name's ending. */
  public void sendFile(URL file) throws IOException {
    try (InputStream in = file.openStream()) {
      send(200, TYPES.get(file.getPath().substring(file.getPath().lastIndexOf('.') + 1)), in.readAllBytes());
    }
  }

  /** Begins an answer that is written bit by bit. */
  public OutputStream stream(String type) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(200, 0);
    return exchange.getResponseBody();
  }

  private void send(int status, String type, byte[] body) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
  }
}
