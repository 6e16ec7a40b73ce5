package dev.sphere.web;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * An HTTP server with a virtual thread for each request.
 *
 * <p>On the loopback interface the Host header must name this machine, so that no foreign name can be bound to the
 * address (DNS rebinding), and a request that names an Origin must come from a page of this server. Pages run scripts
 * of this server alone and load nothing from elsewhere (Content-Security-Policy).
 */
public final class LocalServer implements AutoCloseable {
  private static final Logger LOG = Logger.getLogger(LocalServer.class.getName());
  private static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
      + "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private static final int BACKLOG = 1024; // connections that wait: the system's default of 50 drops a burst of clients

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Secret secret;
  private final Set<String> hosts; // that a request may name; empty for any
  private final Site site;

  /** Answers requests; called by many threads at once. */
  @FunctionalInterface
  public interface Site {
    /**
     * Answers a request.
     *
     * @throws HttpError for an error with a status of its own; an IllegalArgumentException becomes status 400, a
     *     missing file 404, everything else 500
     */
    void answer(Request request) throws IOException;

    /** The body of an error's answer; Jackson must know how to write it. */
    default Object error(int status, String message, Map<String, String> details) {
      return Map.of("error", message);
    }
  }

  /**
   * The text that a client must know, compared in constant time.
   *
   * @param text the secret; empty for none
   * @param inPath true: the first element of every path, for pages; false: in the header {@code Authorization: Bearer}
   */
  public record Secret(String text, boolean inPath) {
    /** A random element of the path: other users of the machine and other pages in the browser do not know it. */
    public static Secret path() {
      byte[] random = new byte[16];
      new SecureRandom().nextBytes(random);
      return new Secret(HexFormat.of().formatHex(random), true);
    }

    boolean equal(String given) {
      return MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8), text.getBytes(StandardCharsets.UTF_8));
    }
  }

  /** Starts on the loopback interface; the first element of every path is a random secret. */
  public LocalServer(int port, Site site) {
    this(InetAddress.getLoopbackAddress(), port, Secret.path(), site);
  }

  /**
   * Starts.
   *
   * @param address the interface; on another one than loopback any Host and Origin is answered
   * @param port 0 for a free one
   * @throws IllegalArgumentException when the port is none or in use
   */
  public LocalServer(InetAddress address, int port, Secret secret, Site site) {
    requirePort(port);
    this.site = site;
    this.secret = secret;
    // Answers are written in two parts, which would otherwise wait for each other's acknowledgement (40 ms).
    System.setProperty("sun.net.httpserver.nodelay", "true");
    try {
      this.server = HttpServer.create(new InetSocketAddress(address, port), BACKLOG);
    } catch (BindException e) {
      throw new IllegalArgumentException("port " + port + " is in use: give another --port, or none for a free one", e);
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot listen on port " + port + ": " + e.getMessage(), e);
    }
    int bound = server.getAddress().getPort();
    this.hosts = address.isLoopbackAddress()
        ? Set.of("127.0.0.1:" + bound, "localhost:" + bound, "[::1]:" + bound) : Set.of();
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  /** Refuses what is no port, with the flag's name; for what must be refused before a model is loaded. */
  public static void requirePort(int port) {
    if (port < 0 || port > 65_535) {
      throw new IllegalArgumentException("--port must be from 0 to 65535: " + port);
    }
  }

  /** The server's address, with the path's secret. */
  public URI address() {
    InetAddress bound = server.getAddress().getAddress();
    String host = bound.isLoopbackAddress() || bound.isAnyLocalAddress() ? "127.0.0.1" : bound.getHostAddress();
    return URI.create("http://" + host + ":" + server.getAddress().getPort() + "/"
        + (secret.inPath() ? secret.text() + "/" : ""));
  }

  /** Ends open answers too. */
  @Override
  public void close() {
    threads.shutdownNow();
    server.stop(0);
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
        route(exchange);
      } catch (HttpError e) {
        sendError(exchange, e.status(), e.getMessage(), e.details());
      } catch (IllegalArgumentException e) {
        sendError(exchange, 400, e.getMessage());
      } catch (NoSuchFileException e) {
        sendError(exchange, 404, e.getFile() + " is not there any more");
      } catch (FileSystemException e) {
        sendError(exchange, 500, "cannot read " + e.getMessage());
      } catch (RuntimeException | Error e) { // a browser that gets no answer asks again and again
        String path = exchange.getRequestURI().getRawPath();
        LOG.log(Level.WARNING, "request " + (secret.inPath() ? path.replace(secret.text(), "TOKEN") : path), e);
        sendError(exchange, 500, e.getMessage() == null ? e.toString() : e.getMessage());
      }
    } catch (IOException e) {
      LOG.log(Level.FINE, "the browser went away", e);
    }
  }

  private void sendError(HttpExchange exchange, int status, String message) throws IOException {
    sendError(exchange, status, message, Map.of());
  }

  private void sendError(HttpExchange exchange, int status, String message, Map<String, String> details)
      throws IOException {
    if (exchange.getResponseCode() < 0) { // an answer that has begun has no other end
      new Request(exchange, "").sendJson(status, site.error(status, message, details));
    }
  }

  private void route(HttpExchange exchange) throws IOException {
    Headers asked = exchange.getRequestHeaders();
    if (!hosts.isEmpty() && !hosts.contains(String.valueOf(asked.getFirst("Host")))) {
      throw new HttpError(403, "this server answers to 127.0.0.1 and localhost alone");
    }
    String origin = asked.getFirst("Origin");
    if (!hosts.isEmpty() && origin != null && !hosts.contains(origin.replaceFirst("^http://", ""))) {
      throw new HttpError(403, "a page of another origin asked: " + origin);
    }
    String path = exchange.getRequestURI().getRawPath();
    if (secret.inPath()) {
      String[] parts = path.split("/", 3); // "", secret, the rest
      if (parts.length < 2 || !secret.equal(parts[1])) {
        throw new HttpError(403, "wrong or missing token: open the address that the server printed at its start");
      }
      if (parts.length < 3) {
        exchange.getResponseHeaders().set("Location", "/" + secret.text() + "/");
        exchange.sendResponseHeaders(302, -1);
        return;
      }
      path = parts[2];
    } else {
      path = path.substring(1);
      String given = String.valueOf(asked.getFirst("Authorization"));
      if (!secret.text().isEmpty() && !path.equals("health") && !secret.equal(given.replaceFirst("^Bearer ", ""))) {
        throw new HttpError(401, "wrong or missing API key: send the header Authorization: Bearer KEY");
      }
    }
    site.answer(new Request(exchange, path));
  }
}
