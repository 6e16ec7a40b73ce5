package dev.sphere.engine.page;

import dev.sphere.base.Visible;
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
import tools.jackson.databind.json.JsonMapper;

/**
 * An HTML page that needs nothing beside it: parts from Jinja templates (resources beside the class that adds them), one
 * skeleton, one style, and charts that uPlot draws, which is part of the page.
 *
 * <p>Every text that is handed to a template is escaped on its way in ({@link Visible#html}): what comes from files and models
 * cannot become markup, whatever the template does with it.
 */
public final class HtmlPage {
  private static final String UPLOT = "/META-INF/resources/webjars/uplot/1.6.30/dist/";
  private static final String BODY = "\u0001"; // no escaped text holds it
  private static final Map<String, Template> TEMPLATES = new ConcurrentHashMap<>();

  private final String title;
  private final StringBuilder body = new StringBuilder();
  private List<Chart> charts;

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
  public HtmlPage add(Class<?> owner, String template, Map<String, ?> values) {
    body.append(render(owner, template, escaped(values)));
    return this;
  }

  /** Adds a part of a template of this package. */
  public HtmlPage add(String template, Map<String, ?> values) {
    return add(HtmlPage.class, template, values);
  }

  /** Adds charts, once in a page. */
  public HtmlPage charts(List<Chart> drawn) {
    charts = drawn;
    return add("charts", Map.of());
  }

  /** The whole page. */
  public String html() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("title", Visible.html(title));
    values.put("body", BODY);
    values.put("css", (charts == null ? "" : resource(HtmlPage.class, UPLOT + "uPlot.min.css")) + resource("page.css"));
    values.put("libraries", charts == null ? List.of()
        : List.of(resource(HtmlPage.class, UPLOT + "uPlot.iife.min.js").replace("</script", "<\\/script")));
    values.put("charts", charts == null ? null
        : JsonMapper.shared().writeValueAsString(charts.stream().map(HtmlPage::data).toList()).replace("<", "\\u003c"));
    values.put("script", resource("charts.js"));
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

  private static Map<String, Object> escaped(Map<String, ?> values) {
    Map<String, Object> escaped = new LinkedHashMap<>();
    values.forEach((name, value) -> escaped.put(name, escaped(value)));
    return escaped;
  }

  @SuppressWarnings("unchecked")
  private static Object escaped(Object value) {
    return switch (value) {
      case String text -> Visible.html(text);
      case List<?> list -> {
        List<Object> all = new ArrayList<>();
        list.forEach(v -> all.add(escaped(v)));
        yield all;
      }
      case Map<?, ?> map -> escaped((Map<String, ?>) map);
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
