package dev.sphere.web;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;

/** A request that named the server's token, and its answer. */
public final class Request {
  private static final int MOST_BODY = 1 << 16;
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

  /** The path below the token, still encoded, without a slash at its beginning. */
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
   * The JSON text of a POST, 64 KiB at most; what is longer is cut.
   *
   * @throws HttpError 415 for another Content-Type: forms and scripts of other pages cannot send this one without
   *     asking first
   */
  public byte[] json() throws IOException {
    if (!header("Content-Type").equals(Optional.of("application/json"))) {
      throw new HttpError(415, "a POST must be application/json");
    }
    return exchange.getRequestBody().readNBytes(MOST_BODY);
  }

  /** Answers with a value as JSON; Jackson must know how to write it. */
  public void sendJson(Object value) throws IOException {
    send(200, "application/json", JsonMapper.shared().writeValueAsBytes(value));
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

  static void sendError(HttpExchange exchange, int status, String message) throws IOException {
    if (exchange.getResponseCode() < 0) { // an answer that has begun has no other end
      byte[] json = JsonMapper.shared().writeValueAsBytes(Map.of("error", message));
      new Request(exchange, "").send(status, "application/json", json);
    }
  }

  private void send(int status, String type, byte[] body) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
  }
}
