package dev.sphere.trainer.output;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.page.HtmlPage;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.RowReport;
import dev.sphere.trainer.loop.TrainingResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A training run's report: one HTML file with curves (drawn by uPlot, which the file includes), settings, counts of
 * rows and sample rows.
 */
final class HtmlReport {
  /** Most points of a curve; longer curves are thinned out. */
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
      new Chart("Entropy, nats a token", List.of("entropy", "eval_entropy")),
      new Chart("Tokens that are the most probable", List.of("mean_token_accuracy", "eval_mean_token_accuracy")),
      new Chart("Mean logits", List.of("logits/chosen", "logits/rejected")),
      new Chart("WPO's weight", List.of("wpo_weight")),
      new Chart("Learning rate", List.of("learning_rate")),
      new Chart("Norm of the gradient", List.of("grad_norm")),
      new Chart("Tokens per second", List.of("tokens_per_second")));

  static Path write(
      Path file, List<StepMetrics> metrics, TrainingResult result, List<Sample> samples, RowReport rows) {
    List<List<String>> table = new ArrayList<>();
    result.identity().toMap().forEach((name, value) -> table.add(List.of(name, value)));
    HtmlPage page = new HtmlPage("Sphere training run").liveTables()
        .add("<h1>Training run</h1>\n<p>%s</p>\n", words(metrics, result))
        .charts(charts(metrics))
        .add("<h2>Rows</h2>\n<p>%s</p>\n", rows.summary());
    samples.forEach(s -> add(page, s));
    String html = page.table("Settings", List.of("setting", "value"), table).html();
    AtomicFile.write(file, out -> out.write(html.getBytes(StandardCharsets.UTF_8)));
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

  /** The charts that have a point. */
  private static List<HtmlPage.Chart> charts(List<StepMetrics> all) {
    List<StepMetrics> metrics = new ArrayList<>();
    int stride = Math.ceilDiv(Math.max(1, all.size()), POINTS);
    for (int i = 0; i < all.size(); i++) {
      boolean measured = all.get(i).values().containsKey("eval_loss");
      if (i % stride == 0 || i == all.size() - 1 || measured) {
        metrics.add(all.get(i));
      }
    }
    List<Integer> steps = metrics.stream().map(StepMetrics::step).toList();
    List<HtmlPage.Chart> charts = new ArrayList<>();
    for (Chart c : CHARTS) {
      List<HtmlPage.Line> lines = c.metrics.stream()
          .filter(n -> metrics.stream().anyMatch(m -> m.values().containsKey(n)))
          .map(n -> new HtmlPage.Line(n, column(metrics, n))).toList();
      if (!lines.isEmpty()) {
        charts.add(new HtmlPage.Chart(c.title, "step", steps, lines));
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

  private static void add(HtmlPage page, Sample s) {
    page.add("<details><summary>%s</summary><pre>%s</pre>\n", s.id(), s.prompt());
    for (int i = 0; i < s.completions().size(); i++) {
      String kind = s.completions().size() == 1 ? "only" : i == 0 ? "chosen" : "rejected";
      page.add("<pre class=\"%s\">%s</pre>\n", kind, s.completions().get(i));
    }
    page.add("</details>\n");
  }
}
