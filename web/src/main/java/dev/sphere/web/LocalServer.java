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
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * An HTTP server for programs of this machine, with a virtual thread for each request.
 *
 * <p>It answers on the loopback interface alone. The first element of every path is a random token, compared in
 * constant time: other users of the machine and other pages in the browser do not know it. The Host header must name
 * this machine, so that no foreign name can be bound to the address (DNS rebinding). Pages run scripts of this server
 * alone and load nothing from elsewhere (Content-Security-Policy).
 */
public final class LocalServer implements AutoCloseable {
  private static final Logger LOG = Logger.getLogger(LocalServer.class.getName());
  private static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
      + "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final String token;
  private final Set<String> hosts;
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
  }

  /**
   * Starts.
   *
   * @param port on 127.0.0.1; 0 for a free one
   * @throws IllegalArgumentException when the port is in use
   */
  public LocalServer(int port, Site site) {
    this.site = site;
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

  /** The server's address, token included. */
  public URI address() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/" + token + "/");
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
        Request.sendError(exchange, e.status(), e.getMessage());
      } catch (IllegalArgumentException e) {
        Request.sendError(exchange, 400, e.getMessage());
      } catch (NoSuchFileException e) {
        Request.sendError(exchange, 404, e.getFile() + " is not there any more");
      } catch (FileSystemException e) {
        Request.sendError(exchange, 500, "cannot read " + e.getMessage());
      } catch (RuntimeException | Error e) { // a browser that gets no answer asks again and again
        LOG.log(Level.WARNING, "request " + exchange.getRequestURI().getRawPath().replace(token, "TOKEN"), e);
        Request.sendError(exchange, 500, e.getMessage() == null ? e.toString() : e.getMessage());
      }
    } catch (IOException e) {
      LOG.log(Level.FINE, "the browser went away", e);
    }
  }

  private void route(HttpExchange exchange) throws IOException {
    String host = exchange.getRequestHeaders().getFirst("Host");
    if (host == null || !hosts.contains(host)) {
      throw new HttpError(403, "this server answers to 127.0.0.1 and localhost alone");
    }
    String[] parts = exchange.getRequestURI().getRawPath().split("/", 3); // "", token, the rest
    String given = parts.length > 1 ? parts[1] : "";
    if (!MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8), token.getBytes(StandardCharsets.UTF_8))) {
      throw new HttpError(403, "wrong or missing token: open the address that the server printed at its start");
    }
    if (parts.length < 3) {
      exchange.getResponseHeaders().set("Location", "/" + token + "/");
      exchange.sendResponseHeaders(302, -1);
    } else {
      site.answer(new Request(exchange, parts[2]));
    }
  }
}
