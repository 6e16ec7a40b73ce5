package dev.sphere.engine.page;

import dev.sphere.base.SafeText;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.json.JsonMapper;

/**
 * An HTML page that needs no other file: one style, charts that uPlot draws (a part of the page), tables that sort and
 * filter, and search trees.
 *
 * <p>Charts, tables and trees are JavaScript modules (resources of this package) that export functions and import
 * nothing. A page that is opened from a file may load no modules, so they stand in it; a server can serve the same
 * files.
 */
public final class HtmlPage {
  private static final String UPLOT = "/META-INF/resources/webjars/uplot/1.6.30/dist/";

  private final String title;
  private final StringBuilder body = new StringBuilder();
  private final Map<String, Object> data = new LinkedHashMap<>();
  private final Map<String, String> modules = new LinkedHashMap<>(); // a module's name, and the script that calls it

  /**
   * Lines over a common x axis.
   *
   * @param title above the chart
   * @param label of the x axis
   * @param x values in ascending order
   * @param lines drawn over x
   */
  public record Chart(String title, String label, List<? extends Number> x, List<Line> lines) {}

  /**
   * A line of a chart.
   *
   * @param values one for each x; null for no value
   */
  public record Line(String name, List<Double> values) {}

  /** An empty page. */
  public HtmlPage(String title) {
    this.title = title;
  }

  /**
   * Adds markup.
   *
   * @param markup HTML with a {@code %s} for each value, and {@code %%} for a percent sign
   * @param values shown as text: they are escaped, and cannot become markup
   */
  public HtmlPage add(String markup, Object... values) {
    body.append(String.format(markup, Stream.of(values).map(v -> SafeText.html(String.valueOf(v))).toArray()));
    return this;
  }

  /** Adds a table, with its name as a heading. */
  public HtmlPage table(String name, List<String> head, List<List<String>> rows) {
    add("""
        <h2>%s</h2>
        <div class="scroll" tabindex="0" role="region" aria-label="%s"><table class="live"><thead><tr>""", name, name);
    head.forEach(h -> add("<th>%s</th>", h));
    add("</tr></thead>\n<tbody>");
    for (List<String> row : rows) {
      add("<tr>");
      row.forEach(cell -> add("<td>%s</td>", cell));
      add("</tr>\n");
    }
    return add("</tbody></table></div>\n");
  }

  /** Adds charts, once in a page. */
  public HtmlPage charts(List<Chart> drawn) {
    data.put("charts", drawn.stream().map(HtmlPage::data).toList());
    modules.put("charts", "drawCharts(document.getElementById(\"charts\"), data.charts);\n");
    return add("<div id=\"charts\"></div>\n");
  }

  /** Makes tables of the class "live" sort, and filter where their markup asks for it ({@code table.js}). */
  public HtmlPage liveTables() {
    modules.put("table", "document.querySelectorAll(\"table.live\").forEach(liveTable);\n");
    return this;
  }

  /** Fills elements of the class "search-tree", in their order; {@code tree.js} describes a tree's data. */
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
    StringBuilder page = new StringBuilder("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
        .append(SafeText.html(title)).append("</title>\n")
        .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>\n")
        .append(charts ? resource(UPLOT + "uPlot.min.css") : "").append(resource("page.css")).append("</style>\n");
    if (charts) {
      String library = resource(UPLOT + "uPlot.iife.min.js").replace("</script", "<\\/script");
      page.append("<script>").append(library).append("</script>\n");
    }
    page.append("</head><body><main>\n").append(body).append("</main>\n");
    if (!data.isEmpty()) {
      String json = JsonMapper.shared().writeValueAsString(safe(data)).replace("<", "\\u003c");
      page.append("<script type=\"application/json\" id=\"data\">").append(json).append("</script>\n");
    }
    if (!script.isEmpty()) {
      page.append("<script type=\"module\">\n").append(script).append("</script>\n");
    }
    return page.append("</body></html>").toString();
  }

  private static Map<String, Object> data(Chart chart) {
    Map<String, Object> data = new LinkedHashMap<>();
    data.put("title", chart.title);
    data.put("names", chart.lines.stream().map(Line::name).toList());
    data.put("x", chart.x);
    data.put("values", chart.lines.stream().map(Line::values).toList());
    data.put("label", chart.label);
    return data;
  }

  /** Data with every text in it as a page may show it. */
  private static Object safe(Object value) {
    return switch (value) {
      case String text -> SafeText.text(text);
      case List<?> list -> list.stream().map(HtmlPage::safe).collect(Collectors.toCollection(ArrayList::new));
      case Map<?, ?> map -> {
        Map<Object, Object> all = new LinkedHashMap<>();
        map.forEach((name, v) -> all.put(name, safe(v)));
        yield all;
      }
      case null, default -> value;
    };
  }

  private static String resource(String name) {
    try (InputStream in = HtmlPage.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("this build of Sphere lacks " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + name, e);
    }
  }
}
