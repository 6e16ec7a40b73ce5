package dev.sphere.engine.page;

import dev.sphere.base.SafeText;
import dev.sphere.engine.template.Template;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import tools.jackson.databind.json.JsonMapper;

/**
 * An HTML page that needs nothing beside it: parts from Jinja templates (resources beside the class that adds them), one
 * skeleton, one style, and what moves: charts that uPlot draws, which is part of the page, tables that sort and filter, trees.
 *
 * <p>What moves are JavaScript modules (resources of this package) that export functions and import nothing. A page that is
 * opened from a file may load no modules, so they stand in it; a server can serve the same files.
 *
 * <p>Every text that is handed to a template is escaped on its way in ({@link SafeText#html}): what comes from files and models
 * cannot become markup, whatever the template does with it.
 */
public final class HtmlPage {
  private static final String UPLOT = "/META-INF/resources/webjars/uplot/1.6.30/dist/";
  private static final String BODY = "\u0001"; // no escaped text holds it
  private static final Map<String, Template> TEMPLATES = new ConcurrentHashMap<>();

  private final String title;
  private final StringBuilder body = new StringBuilder();
  private final Map<String, Object> data = new LinkedHashMap<>();
  private final Map<String, String> modules = new LinkedHashMap<>(); // to what they are called with

  /**
   * Lines over a common axis.
   *
   * @param title above it
   * @param label of the x axis
   * @param log the x axis is logarithmic
   * @param x in ascending order
   * @param lines what is drawn
   */
  public record Chart(String title, String label, boolean log, List<? extends Number> x, List<Line> lines) {}

  /**
   * A line of a chart.
   *
   * @param values for each x; null where there is none
   * @param low the lower end of each value's interval; null where the chart shows none
   * @param high the upper end
   */
  public record Line(String name, List<Double> values, List<Double> low, List<Double> high) {
    /** A line without intervals. */
    public Line(String name, List<Double> values) {
      this(name, values, null, null);
    }
  }

  /** An empty page. */
  public HtmlPage(String title) {
    this.title = title;
  }

  /**
   * Adds a part.
   *
   * @param owner the class beside which the template lies as a resource
   * @param template its name, without .html
   * @param values texts, numbers, booleans, null, and lists and maps of them
   */
  @SuppressWarnings("unchecked") // names stay as they are
  public HtmlPage add(Class<?> owner, String template, Map<String, ?> values) {
    body.append(render(owner, template, (Map<String, ?>) shown(values, SafeText::html)));
    return this;
  }

  /** Adds a part of a template of this package. */
  public HtmlPage add(String template, Map<String, ?> values) {
    return add(HtmlPage.class, template, values);
  }

  /** Adds charts, once in a page. */
  public HtmlPage charts(List<Chart> drawn) {
    data.put("charts", drawn.stream().map(HtmlPage::data).toList());
    modules.put("charts", "drawCharts(document.getElementById(\"charts\"), data.charts);\n");
    return add("charts", Map.of());
  }

  /** Tables of the class "live" sort, and filter where they say so ({@code table.js}). */
  public HtmlPage liveTables() {
    modules.put("table", "document.querySelectorAll(\"table.live\").forEach(liveTable);\n");
    return this;
  }

  /** Elements of the class "search-tree" are filled, in their order ({@code tree.js} says what a tree is). */
  HtmlPage trees(List<? extends Map<String, ?>> trees) {
    data.put("trees", trees);
    modules.put("tree", resource("page-trees.js"));
    return this;
  }

  /** The whole page. */
  public String html() {
    boolean charts = modules.containsKey("charts");
    StringBuilder script = new StringBuilder();
    modules.keySet().forEach(m -> script.append(resource(m + ".js").replaceAll("(?m)^export ", "")).append('\n'));
    if (!data.isEmpty()) {
      script.append("const data = JSON.parse(document.getElementById(\"data\").textContent);\n");
    }
    modules.values().forEach(script::append);
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("title", SafeText.html(title));
    values.put("body", BODY);
    values.put("css", (charts ? resource(HtmlPage.class, UPLOT + "uPlot.min.css") : "") + resource("page.css"));
    values.put("libraries", charts
        ? List.of(resource(HtmlPage.class, UPLOT + "uPlot.iife.min.js").replace("</script", "<\\/script")) : List.of());
    values.put("data", data.isEmpty() ? null
        : JsonMapper.shared().writeValueAsString(shown(data, SafeText::text)).replace("<", "\\u003c"));
    values.put("script", script.isEmpty() ? null : script.toString());
    String[] around = render(HtmlPage.class, "skeleton", values).split(BODY, 2); // a long body is no template's work
    return around[0] + body + around[1];
  }

  private static Map<String, Object> data(Chart chart) {
    Map<String, Object> data = new LinkedHashMap<>();
    data.put("title", chart.title);
    data.put("names", chart.lines.stream().map(Line::name).toList());
    data.put("x", chart.x);
    data.put("values", chart.lines.stream().map(Line::values).toList());
    data.put("label", chart.label);
    data.put("log", chart.log);
    if (chart.lines.stream().anyMatch(l -> l.low != null)) {
      data.put("low", chart.lines.stream().map(Line::low).toList());
      data.put("high", chart.lines.stream().map(Line::high).toList());
    }
    return data;
  }

  private static String render(Class<?> owner, String template, Map<String, ?> values) {
    return TEMPLATES.computeIfAbsent(owner.getName() + '/' + template,
        name -> Template.parse(resource(owner, template + ".html"))).render(values);
  }

  /** The same values with every text in them as a page may show it. */
  private static Object shown(Object value, UnaryOperator<String> how) {
    return switch (value) {
      case String text -> how.apply(text);
      case List<?> list -> {
        List<Object> all = new ArrayList<>();
        list.forEach(v -> all.add(shown(v, how)));
        yield all;
      }
      case Map<?, ?> map -> {
        Map<Object, Object> all = new LinkedHashMap<>();
        map.forEach((name, v) -> all.put(name, shown(v, how)));
        yield all;
      }
      case null, default -> value;
    };
  }

  private static String resource(String name) {
    return resource(HtmlPage.class, name);
  }

  private static String resource(Class<?> owner, String name) {
    try (InputStream in = owner.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("this build of Sphere lacks " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + name, e);
    }
  }
}
