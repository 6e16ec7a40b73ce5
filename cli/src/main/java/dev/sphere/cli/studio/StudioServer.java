package dev.sphere.cli.studio;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.logging.Level;
import java.util.logging.Logger;
import tools.jackson.databind.json.JsonMapper;

/**
 * Serves the studio to browsers of this machine, by the JDK's own HTTP server with a virtual thread a request.
 *
 * <p>It answers on the loopback interface alone. The first element of every path is a random token, compared in constant time:
 * other users of the machine and other pages in the browser do not know it. The Host header must name this machine, so that no
 * foreign name can be bound to the address (DNS rebinding). Pages run scripts of this server alone and load nothing from
 * elsewhere (Content-Security-Policy).
 */
public final class StudioServer implements AutoCloseable {
  private static final Logger LOG = Logger.getLogger(StudioServer.class.getName());
  private static final int MOST_BODY = 1 << 16;
  private static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
      + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final String token;
  private final Set<String> hosts;
  private final StudioApi api;

  /**
   * Starts.
   *
   * @param folder of runs, or a run itself
   * @param port 0 for a free one
   * @throws IllegalArgumentException when the folder is not there or the port is in use
   */
  public StudioServer(Path folder, int port) {
    this.api = new StudioApi(folder);
    byte[] random = new byte[16];
    new SecureRandom().nextBytes(random);
    this.token = HexFormat.of().formatHex(random);
    // Answers are written in two parts, which would otherwise wait for each other's acknowledgement (40 ms).
    System.setProperty("sun.net.httpserver.nodelay", "true");
    try {
      this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    } catch (BindException e) {
      throw new IllegalArgumentException("port " + port + " is in use: give another --port, or none for a free one", e);
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot listen on port " + port + ": " + e.getMessage(), e);
    }
    int bound = server.getAddress().getPort();
    this.hosts = Set.of("127.0.0.1:" + bound, "localhost:" + bound, "[::1]:" + bound);
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  /** Where the studio is, token included. */
  public URI address() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/" + token + "/");
  }

  /** Ends open answers too. */
  @Override
  public void close() {
    api.close();
    threads.shutdownNow();
    server.stop(0);
  }

  /** An answer that is an error, in words for the reader. */
  static final class Problem extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final int status;

    Problem(int status, String message) {
      super(message);
      this.status = status;
    }
  }

  private void answer(HttpExchange exchange) {
    try (exchange) {
      Headers headers = exchange.getResponseHeaders();
      headers.set("Content-Security-Policy", POLICY);
      headers.set("X-Content-Type-Options", "nosniff");
      headers.set("Referrer-Policy", "no-referrer");
      headers.set("Cross-Origin-Resource-Policy", "same-origin");
      headers.set("Cross-Origin-Opener-Policy", "same-origin");
      headers.set("Cache-Control", "no-store");
      try {
        route(exchange, path(exchange));
      } catch (Problem e) {
        send(exchange, e.status, e.getMessage());
      } catch (IllegalArgumentException e) {
        send(exchange, 400, e.getMessage());
      } catch (NoSuchFileException e) {
        send(exchange, 404, e.getFile() + " is not there any more");
      } catch (FileSystemException e) {
        send(exchange, 500, "cannot read " + e.getMessage());
      } catch (RuntimeException | Error e) { // a browser that gets no answer asks again and again
        LOG.log(Level.WARNING, "studio: " + exchange.getRequestURI().getRawPath().replace(token, "TOKEN"), e);
        send(exchange, 500, e.getMessage() == null ? e.toString() : e.getMessage());
      }
    } catch (IOException e) {
      LOG.log(Level.FINE, "the browser went away", e);
    }
  }

  /** What follows the token; null for the token alone. */
  private String path(HttpExchange exchange) {
    String host = exchange.getRequestHeaders().getFirst("Host");
    if (host == null || !hosts.contains(host)) {
      throw new Problem(403, "this server answers to 127.0.0.1 and localhost alone");
    }
    String[] parts = exchange.getRequestURI().getRawPath().split("/", 3);
    String given = parts.length > 1 ? parts[1] : "";
    if (!MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8), token.getBytes(StandardCharsets.UTF_8))) {
      throw new Problem(403, "wrong or missing token: open the address that ./sphere studio printed");
    }
    return parts.length > 2 ? parts[2] : null;
  }

  private void route(HttpExchange exchange, String path) throws IOException {
    String method = exchange.getRequestMethod();
    if (path == null) {
      exchange.getResponseHeaders().set("Location", "/" + token + "/");
      exchange.sendResponseHeaders(302, -1);
    } else if (path.startsWith("api/")) {
      Query query = Query.of(exchange.getRequestURI().getRawQuery());
      String name = path.substring(4);
      if (method.equals("POST")) {
        // A form or script of another page cannot send this type without asking first.
        if (!"application/json".equals(exchange.getRequestHeaders().getFirst("Content-Type"))) {
          throw new Problem(415, "a POST must be application/json");
        }
        byte[] body = exchange.getRequestBody().readNBytes(MOST_BODY);
        send(exchange, 200, "application/json", api.post(name, query, body));
      } else if (!method.equals("GET")) {
        throw new Problem(405, "only GET and POST are answered");
      } else if (name.equals("events")) {
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
        try (OutputStream out = exchange.getResponseBody()) {
          api.events(query, exchange.getRequestHeaders().getFirst("Last-Event-ID"), out);
        }
      } else {
        send(exchange, 200, "application/json", api.get(name, query));
      }
    } else if (!method.equals("GET")) {
      throw new Problem(405, "only GET is answered here");
    } else {
      StudioFiles.Found found = StudioFiles.find(path);
      if (found == null) {
        throw new Problem(404, "the studio has no page of that name");
      }
      try (InputStream in = found.open()) {
        send(exchange, 200, found.type(), in.readAllBytes());
      }
    }
  }

  private static void send(HttpExchange exchange, int status, String message) throws IOException {
    if (exchange.getResponseCode() < 0) { // an answer that has begun has no other end
      send(exchange, status, "application/json", JsonMapper.shared().writeValueAsBytes(Map.of("error", message)));
    }
  }

  private static void send(HttpExchange exchange, int status, String type, byte[] body) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
  }
}
