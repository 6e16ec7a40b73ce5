package dev.sphere.cli.browser;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A tab of {@link Chromium}: what a reader sees and does, and what the page complained of. */
public final class Tab implements AutoCloseable {
  private static final Map<String, Integer> KEYS = Map.ofEntries(
      Map.entry("Enter", 13), Map.entry("Escape", 27), Map.entry(" ", 32), Map.entry("End", 35), Map.entry("Home", 36),
      Map.entry("ArrowLeft", 37), Map.entry("ArrowUp", 38), Map.entry("ArrowRight", 39), Map.entry("ArrowDown", 40),
      Map.entry("Tab", 9), Map.entry("/", 191));

  private final Chromium browser;
  private final String target;
  private final String session;
  private final List<String> complaints = Collections.synchronizedList(new ArrayList<>());
  private final List<String> requests = Collections.synchronizedList(new ArrayList<>());

  Tab(Chromium browser, String target, String session) {
    this.browser = browser;
    this.target = target;
    this.session = session;
    browser.listen(session, this::hear);
    for (String domain : List.of("Page", "Runtime", "Log", "Network")) {
      call(domain + ".enable", Map.of());
    }
  }

  private JsonNode call(String method, Map<String, ?> parameters) {
    return browser.call(session, method, parameters);
  }

  private void hear(JsonNode event) {
    JsonNode p = event.get("params");
    switch (event.get("method").asString()) {
      case "Runtime.exceptionThrown" -> complaints.add(p.get("exceptionDetails").toString());
      case "Runtime.consoleAPICalled" -> {
        if (List.of("error", "warning", "assert").contains(p.get("type").asString())) {
          complaints.add(p.get("args").toString());
        }
      }
      case "Log.entryAdded" -> {
        if (List.of("error", "warning").contains(p.get("entry").get("level").asString())) {
          complaints.add(p.get("entry").get("text").asString() + " " + p.get("entry").path("url").asString(""));
        }
      }
      case "Network.requestWillBeSent" -> requests.add(p.get("request").get("url").asString());
      default -> { }
    }
  }

  /** Errors and warnings of the console, exceptions, what the browser refused. */
  public List<String> complaints() {
    return List.copyOf(complaints);
  }

  /** Addresses of all that was asked for. */
  public List<String> requests() {
    return List.copyOf(requests);
  }

  /** The page is so wide and high, in CSS pixels, and dark or light. */
  public Tab size(int width, int height, boolean dark) {
    call("Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
    call("Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
    return this;
  }

  /** Runs a script in every page that is opened from now on, before the page's own. */
  public Tab before(String script) {
    call("Page.addScriptToEvaluateOnNewDocument", Map.of("source", script));
    return this;
  }

  /** Opens an address and waits until the page and all that belongs to it is loaded and drawn. */
  public Tab open(String address) {
    call("Page.navigate", Map.of("url", "about:blank"));
    waitFor("location.href === 'about:blank'");
    JsonNode gone = call("Page.navigate", Map.of("url", address));
    if (gone.has("errorText")) {
      throw new IllegalStateException(address + ": " + gone.get("errorText").asString());
    }
    waitFor("document.readyState === 'complete' && location.href !== 'about:blank'");
    return settle();
  }

  public Tab open(Path file) {
    return open(file.toUri().toString());
  }

  /** Waits until what was asked for is drawn. */
  public Tab settle() {
    evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))");
    return this;
  }

  /** Waits until an expression is true. */
  public Tab waitFor(String expression) {
    long end = System.nanoTime() + Chromium.PATIENCE * 1_000_000_000L;
    while (!truth(expression)) {
      if (System.nanoTime() > end) {
        throw new AssertionError("never came true: " + expression + "\n" + complaints + "\n" + text("body"));
      }
      try {
        Thread.sleep(20);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
    return this;
  }

  private boolean truth(String expression) {
    try {
      return evaluate("!!(" + expression + ")").asBoolean();
    } catch (IllegalStateException e) { // the page is just being replaced
      return false;
    }
  }

  /** The value of an expression, or of its promise, as JSON. */
  public JsonNode evaluate(String expression) {
    JsonNode all = call("Runtime.evaluate", Map.of("expression", expression, "awaitPromise", true, "returnByValue", true));
    if (all.has("exceptionDetails")) {
      throw new IllegalStateException(expression + ": " + all.get("exceptionDetails"));
    }
    JsonNode value = all.get("result").get("value");
    return value == null ? JsonMapper.shared().nullNode() : value;
  }

  /** The text of the first element that a selector finds, as it is shown. */
  public String text(String selector) {
    return evaluate("document.querySelector(" + quoted(selector) + ")?.innerText").asString("");
  }

  public int count(String selector) {
    return evaluate("document.querySelectorAll(" + quoted(selector) + ").length").asInt();
  }

  /** Presses the mouse in the middle of an element. */
  public Tab click(String selector) {
    JsonNode at = evaluate("(() => { const e = document.querySelector(" + quoted(selector) + "); e.scrollIntoView({block: 'center',"
        + " inline: 'center', behavior: 'instant'}); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()");
    for (String type : List.of("mouseMoved", "mousePressed", "mouseReleased")) {
      call("Input.dispatchMouseEvent", Map.of("type", type, "x", at.get(0).asDouble(), "y", at.get(1).asDouble(),
          "button", "left", "clickCount", 1));
    }
    return settle();
  }

  /** Presses keys one after the other, by their names ({@code ArrowLeft}, {@code Enter}, {@code a}). */
  public Tab press(String... keys) {
    for (String key : keys) {
      Map<String, Object> event = new LinkedHashMap<>();
      event.put("key", key);
      event.put("windowsVirtualKeyCode", KEYS.containsKey(key) ? KEYS.get(key) : (int) Character.toUpperCase(key.charAt(0)));
      String text = key.equals("Enter") ? "\r" : key.length() == 1 ? key : null;
      event.put("type", text == null ? "rawKeyDown" : "keyDown");
      if (text != null) {
        event.put("text", text);
      }
      call("Input.dispatchKeyEvent", event);
      event.put("type", "keyUp");
      event.remove("text");
      call("Input.dispatchKeyEvent", event);
    }
    return settle();
  }

  /** Types into a field. */
  public Tab type(String selector, String text) {
    click(selector);
    call("Input.insertText", Map.of("text", text));
    return settle();
  }

  /** Bytes of the JavaScript heap after a collection. */
  public long heap() {
    call("HeapProfiler.collectGarbage", Map.of());
    return call("Runtime.getHeapUsage", Map.of()).get("usedSize").asLong();
  }

  /** Takes a picture of what is in view. */
  public Tab picture(Path png) throws IOException {
    String data = call("Page.captureScreenshot", Map.of("format", "png", "optimizeForSpeed", false)).get("data").asString();
    Files.createDirectories(png.toAbsolutePath().getParent());
    Files.write(png, Base64.getDecoder().decode(data));
    return this;
  }

  static String quoted(String text) {
    return JsonMapper.shared().writeValueAsString(text);
  }

  @Override
  public void close() {
    browser.call(null, "Target.closeTarget", Map.of("targetId", target));
  }
}
