package dev.sphere.trainer.output;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.Visible;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.RowReport;
import dev.sphere.trainer.loop.TrainingResult;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/**
 * A training run as one HTML file that needs nothing beside it: curves (drawn by uPlot, which is part of the file), the
 * settings, what became of the rows, a few of them in words.
 */
final class HtmlReport {
  private static final String UPLOT = "/META-INF/resources/webjars/uplot/1.6.30/dist/";

  /** Most points of a curve; longer ones are thinned out. */
  private static final int POINTS = 2000;

  private HtmlReport() {}

  /** Curves that share a chart. */
  private record Chart(String title, List<String> metrics) {}

  private static final List<Chart> CHARTS = List.of(
      new Chart("Loss", List.of("loss", "eval_loss")),
      new Chart("Margin of the rewards", List.of("rewards/margins", "eval_rewards/margins")),
      new Chart("Rewards", List.of("rewards/chosen", "rewards/rejected")),
      new Chart("Preferences that are right", List.of("rewards/accuracies", "eval_rewards/accuracies")),
      new Chart("Steps judged right", List.of("accuracy", "eval_accuracy")),
      new Chart("Scores and labels", List.of("mean_score", "mean_label")),
      new Chart("Log-probabilities", List.of("logps/chosen", "logps/rejected")),
      new Chart("WPO's weight", List.of("wpo_weight")),
      new Chart("Learning rate", List.of("learning_rate")),
      new Chart("Norm of the gradient", List.of("grad_norm")),
      new Chart("Tokens per second", List.of("tokens_per_second")));

  static Path write(
      Path file, List<StepMetrics> metrics, TrainingResult result, List<Sample> samples, RowReport rows) {
    StringBuilder html = new StringBuilder();
    html.append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sphere training run</title>\n<style>")
        .append(resource("uPlot.min.css"))
        .append(resource("/dev/sphere/trainer/output/report.css"))
        .append("</style>\n<script>")
        .append(resource("uPlot.iife.min.js").replace("</script", "<\\/script"))
        .append("</script></head><body>\n<h1>Training run</h1>\n<p>")
        .append(Visible.html(words(metrics, result)))
        .append("</p>\n<div id=\"charts\"></div>\n<h2>Rows</h2>\n<p>")
        .append(Visible.html(rows.summary()))
        .append("</p>\n");
    samples.forEach(s -> sample(html, s));
    html.append("<h2>Settings</h2>\n<table>");
    result.identity().toMap().forEach((name, value) ->
        html.append("<tr><th>").append(Visible.html(name)).append("</th><td>").append(Visible.html(value)).append("</td></tr>\n"));
    html.append("</table>\n<script>\nconst charts = ")
        .append(JsonMapper.shared().writeValueAsString(charts(metrics)).replace("<", "\\u003c"))
        .append(";\n")
        .append(resource("/dev/sphere/trainer/output/report.js"))
        .append("</script></body></html>\n");
    AtomicFile.write(file, out -> out.write(html.toString().getBytes(StandardCharsets.UTF_8)));
    return file;
  }

  private static String words(List<StepMetrics> metrics, TrainingResult result) {
    String end = result.complete() ? " steps, complete." : " steps, stopped before its end.";
    if (metrics.isEmpty()) {
      return result.steps() + end;
    }
    StepMetrics last = metrics.getLast();
    StringBuilder text = new StringBuilder(result.steps() + end + " Last");
    for (String name : List.of("loss", "eval_loss", "rewards/margins", "rewards/accuracies", "accuracy")) {
      if (last.values().containsKey(name)) {
        text.append(" %s %.4f,".formatted(name, last.get(name)));
      }
    }
    text.setLength(text.length() - 1);
    return text.append('.').toString();
  }

  /** The charts that have a point: title, names, x (steps), one list of values for each name (null where none). */
  private static List<Map<String, Object>> charts(List<StepMetrics> all) {
    List<StepMetrics> metrics = new ArrayList<>();
    int stride = Math.ceilDiv(Math.max(1, all.size()), POINTS);
    for (int i = 0; i < all.size(); i++) {
      boolean measured = all.get(i).values().containsKey("eval_loss");
      if (i % stride == 0 || i == all.size() - 1 || measured) {
        metrics.add(all.get(i));
      }
    }
    List<Map<String, Object>> charts = new ArrayList<>();
    for (Chart c : CHARTS) {
      List<String> names =
          c.metrics.stream().filter(n -> metrics.stream().anyMatch(m -> m.values().containsKey(n))).toList();
      if (!names.isEmpty()) {
        Map<String, Object> chart = new LinkedHashMap<>();
        chart.put("title", c.title);
        chart.put("names", names);
        chart.put("steps", metrics.stream().map(StepMetrics::step).toList());
        chart.put("values", names.stream().map(n -> column(metrics, n)).toList());
        charts.add(chart);
      }
    }
    return charts;
  }

  private static List<Double> column(List<StepMetrics> metrics, String name) {
    List<Double> column = new ArrayList<>();
    for (StepMetrics m : metrics) {
      Double value = m.values().get(name);
      column.add(value == null || !Double.isFinite(value) ? null : value);
    }
    return column;
  }

  private static void sample(StringBuilder html, Sample s) {
    html.append("<details><summary>").append(Visible.html(s.id())).append("</summary><pre>").append(Visible.html(s.prompt()))
        .append("</pre>");
    for (int i = 0; i < s.completions().size(); i++) {
      String kind = s.completions().size() == 1 ? "only" : i == 0 ? "chosen" : "rejected";
      html.append("<pre class=\"").append(kind).append("\">").append(Visible.html(s.completions().get(i))).append("</pre>");
    }
    html.append("</details>\n");
  }

  private static String resource(String name) {
    String path = name.startsWith("/") ? name : UPLOT + name;
    try (InputStream in = HtmlReport.class.getResourceAsStream(path)) {
      if (in == null) {
        throw new IllegalStateException("this build of Sphere lacks " + path);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + path, e);
    }
  }
}
