package dev.sphere.cli.browser;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A headless Chromium, driven by its DevTools protocol over the JDK's WebSocket. Selenium would bring a second program (a driver
 * of the browser's very version) and thirty jars for the dozen calls that tests need.
 *
 * @see <a href="https://chromedevtools.github.io/devtools-protocol/">the protocol</a>
 */
public final class Chromium implements AutoCloseable {
  /** How long a page may take before a test fails: not what it should take, but what nobody waits for. */
  static final int PATIENCE = 60; // seconds

  private static final List<String> NAMES = List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");

  private final Process process;
  private final Path profile;
  private final WebSocket socket;
  private final AtomicInteger calls = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonNode>> open = new ConcurrentHashMap<>();
  private final Map<String, Consumer<JsonNode>> listeners = new ConcurrentHashMap<>(); // by session

  private Chromium(Process process, Path profile, URI address) {
    this.process = process;
    this.profile = profile;
    try {
      socket = HttpClient.newHttpClient().newWebSocketBuilder().buildAsync(address, new Hears()).get(PATIENCE, TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new IllegalStateException("Chromium does not answer at " + address, e);
    }
  }

  /** The program that is installed; null when there is none. SPHERE_CHROMIUM names another one. */
  public static Path installed() {
    String told = System.getenv("SPHERE_CHROMIUM");
    if (told != null) {
      return Path.of(told);
    }
    return NAMES.stream()
        .flatMap(n -> Stream.of(System.getenv("PATH").split(File.pathSeparator)).map(folder -> Path.of(folder, n)))
        .filter(Files::isExecutable).findFirst().orElse(null);
  }

  /** Starts one with a profile of its own, which goes when it is closed. */
  public static Chromium start() throws IOException {
    Path profile = Files.createTempDirectory("chromium");
    Process process = new ProcessBuilder(installed().toString(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-dev-shm-usage", "--disable-extensions", "--hide-scrollbars", "--force-color-profile=srgb",
        "--user-data-dir=" + profile, "--remote-debugging-port=0", "about:blank")
        .redirectErrorStream(true).start();
    // The address stands in what it prints; the rest is read on, so that the pipe never fills.
    BufferedReader said = process.inputReader(StandardCharsets.UTF_8);
    List<String> lines = new ArrayList<>();
    for (String line = said.readLine(); line != null; line = said.readLine()) {
      lines.add(line);
      if (line.startsWith("DevTools listening on ")) {
        Thread.startVirtualThread(() -> said.lines().forEach(l -> {}));
        return new Chromium(process, profile, URI.create(line.substring(line.indexOf("ws://"))));
      }
    }
    throw new IOException("Chromium ended at once: " + String.join("\n", lines));
  }

  /** A new, empty tab. */
  public Tab tab() {
    String target = call(null, "Target.createTarget", Map.of("url", "about:blank")).get("targetId").asString();
    String session = call(null, "Target.attachToTarget", Map.of("targetId", target, "flatten", true)).get("sessionId").asString();
    return new Tab(this, target, session);
  }

  /** Hands a session's events on. */
  void listen(String session, Consumer<JsonNode> to) {
    listeners.put(session, to);
  }

  /** Calls a method and waits for what it answers. */
  JsonNode call(String session, String method, Map<String, ?> parameters) {
    int id = calls.incrementAndGet();
    Map<String, Object> message = new LinkedHashMap<>(Map.of("id", id, "method", method, "params", parameters));
    if (session != null) {
      message.put("sessionId", session);
    }
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    open.put(id, answer);
    synchronized (socket) { // one message at a time
      socket.sendText(JsonMapper.shared().writeValueAsString(message), true).join();
    }
    try {
      JsonNode all = answer.get(PATIENCE, TimeUnit.SECONDS);
      if (all.has("error")) {
        throw new IllegalStateException(method + ": " + all.get("error").get("message").asString());
      }
      return all.get("result");
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new IllegalStateException("no answer to " + method, e);
    }
  }

  @Override
  public void close() {
    socket.abort();
    List<ProcessHandle> children = process.descendants().toList();
    process.destroyForcibly();
    children.forEach(ProcessHandle::destroyForcibly);
    try {
      process.waitFor();
      for (ProcessHandle child : children) {
        child.onExit().get(PATIENCE, TimeUnit.SECONDS);
      }
      try (Stream<Path> files = Files.walk(profile)) {
        files.sorted((a, b) -> b.compareTo(a)).forEach(f -> f.toFile().delete());
      }
    } catch (IOException | InterruptedException | ExecutionException | TimeoutException e) {
      throw new IllegalStateException("Chromium's profile stays in " + profile, e);
    }
  }

  /** Puts frames together and hands answers and events to those who wait for them. */
  private final class Hears implements WebSocket.Listener {
    private final StringBuilder text = new StringBuilder();

    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
      text.append(part);
      if (last) {
        JsonNode message = JsonMapper.shared().readTree(text.toString());
        text.setLength(0);
        if (message.has("id")) {
          open.remove(message.get("id").asInt()).complete(message);
        } else if (message.has("sessionId") && listeners.containsKey(message.get("sessionId").asString())) {
          listeners.get(message.get("sessionId").asString()).accept(message);
        }
      }
      from.request(1);
      return null;
    }

    @Override
    public void onError(WebSocket from, Throwable error) {
      open.values().forEach(f -> f.completeExceptionally(error));
    }
  }
}
