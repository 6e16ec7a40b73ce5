package dev.sphere.engine.eval;

import dev.sphere.engine.page.HtmlPage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** An evaluation for people: as Markdown, or as one HTML page with every answer in it. */
public final class EvalReport {
  private static final int MOST_PAGE_TEXT = 6_000;

  private final String title;
  private final Map<String, String> made;
  private final EvalResult result;
  private final Comparison comparison; // null when there is no baseline

  /**
   * @param title what was evaluated
   * @param made what the figures are made from: model, problems, prompts, sampling
   */
  public EvalReport(String title, Map<String, String> made, EvalResult result, Comparison comparison) {
    this.title = title;
    this.made = new LinkedHashMap<>(made);
    this.result = result;
    this.comparison = comparison;
  }

  private record Table(String name, List<String> head, List<List<String>> rows) {}

  private List<Table> tables() {
    List<Table> tables = new ArrayList<>();
    List<List<String>> figures = new ArrayList<>();
    boolean greedy = result.answers().stream().anyMatch(a -> a.sample() < 0);
    figures.add(List.of(greedy ? "pass@1, greedy" : "mean@" + result.samples(), percent(result.accuracy()),
        greedy ? percent(result.interval().low()) + " to " + percent(result.interval().high()) : ""));
    if (result.samples() > 0) {
      if (greedy) {
        figures.add(List.of("mean@" + result.samples(), percent(result.meanAtK()), ""));
      }
      result.passAtK().forEach((k, v) -> figures.add(List.of("pass@" + k + ", unbiased", percent(v), "")));
      figures.add(List.of("maj@" + result.samples(), percent(result.majAtK()), interval(result.majAtK())));
    }
    for (Selection s : result.selections()) {
      figures.add(List.of("best of " + result.samples() + " by step scores, " + s.aggregation(), percent(s.bestOfN()),
          interval(s.bestOfN())));
      figures.add(List.of("vote weighted by step scores, " + s.aggregation(), percent(s.weightedVote()),
          interval(s.weightedVote())));
    }
    tables.add(new Table(result.n() + " problems", List.of("figure", "value", "95 % interval"), figures));
    if (comparison != null) {
      tables.add(new Table("Against the baseline", List.of("figure", "value"), List.of(
          List.of("baseline", percent(comparison.base())),
          List.of("difference", points(comparison.difference())),
          List.of("95 % interval",
              points(comparison.interval().low()) + " to " + points(comparison.interval().high())),
          List.of("won, lost", comparison.won() + ", " + comparison.lost()),
          List.of("McNemar's exact p", String.format(Locale.ROOT, "%.2g", comparison.pValue())))));
    }
    String field = null;
    List<List<String>> rows = new ArrayList<>();
    for (Breakdown b : result.breakdowns()) {
      if (!b.field().equals(field) && field != null) {
        tables.add(new Table("By " + field, List.of(field, "problems", "accuracy", "95 % interval"),
            List.copyOf(rows)));
        rows.clear();
      }
      field = b.field();
      rows.add(List.of(b.value(), String.valueOf(b.n()), percent(b.accuracy()),
          percent(b.interval().low()) + " to " + percent(b.interval().high())));
    }
    if (field != null) {
      tables.add(new Table("By " + field, List.of(field, "problems", "accuracy", "95 % interval"), rows));
    }
    tables.add(new Table("Tokens", List.of("figure", "value"), List.of(
        List.of("generated", String.valueOf(result.tokens())),
        List.of("an answer, mean", String.format(Locale.ROOT, "%.1f",
            result.tokens() / (double) result.answers().size())),
        List.of("answers cut off by a limit", String.valueOf(result.truncated())),
        List.of("answers that are guessed, not stated", String.valueOf(result.guessed())))));
    return tables;
  }

  private String interval(double share) {
    Statistics.Interval i = Statistics.wilson((int) Math.round(share * result.n()), result.n(), EvalResult.Z95);
    return percent(i.low()) + " to " + percent(i.high());
  }

  /** The report as plain lines, tables aligned, without what the figures are made from. */
  public String text() {
    StringBuilder s = new StringBuilder();
    for (Table t : tables()) {
      s.append(s.isEmpty() ? "" : "\n").append(t.name()).append('\n');
      int width = t.rows().stream().mapToInt(r -> r.getFirst().length()).max().orElse(0);
      for (List<String> row : t.rows()) {
        StringBuilder line = new StringBuilder("  ").append(row.getFirst())
            .append(" ".repeat(width - row.getFirst().length()));
        for (int i = 1; i < row.size(); i++) {
          String c = row.get(i);
          int column = i < row.size() - 1 || i == 1 ? 7 : 0;
          line.append("  ").append(" ".repeat(Math.max(0, column - c.length()))).append(c);
        }
        s.append(line.toString().stripTrailing()).append('\n');
      }
    }
    return s.toString();
  }

  /** The report as Markdown. */
  public String markdown() {
    StringBuilder s = new StringBuilder("# ").append(title).append("\n\n");
    made.forEach((k, v) -> s.append("- ").append(k).append(": ").append(v.replace("\n", "\\n")).append('\n'));
    for (Table t : tables()) {
      s.append("\n## ").append(t.name()).append("\n\n| ").append(String.join(" | ", t.head())).append(" |\n|")
          .append("---|".repeat(t.head().size())).append('\n');
      for (List<String> row : t.rows()) {
        s.append("| ").append(String.join(" | ", row.stream().map(c -> c.replace("|", "\\|")).toList())).append(" |\n");
      }
    }
    return s.toString();
  }

  /** The report as one HTML page that needs nothing else. */
  public String html() {
    HtmlPage page = new HtmlPage(title).liveTables().add("<h1>%s</h1>\n", title);
    if (!made.isEmpty()) {
      page.add("<ul>");
      made.forEach((name, value) -> page.add("<li>%s: %s</li>\n", name, value));
      page.add("</ul>\n");
    }
    tables().forEach(t -> page.table(t.name(), t.head(), t.rows()));
    page.add("""
        <h2>Answers</h2>
        <div class="scroll" tabindex="0" role="region" aria-label="answers"><table class="live" data-filter>
        <thead><tr><th>problem</th><th data-choices="right">right</th><th>gold</th><th>answers</th></tr></thead><tbody>
        """);
    Map<String, List<Answered>> byProblem = new LinkedHashMap<>();
    result.answers().forEach(a -> byProblem.computeIfAbsent(a.problemId(), k -> new ArrayList<>()).add(a));
    byProblem.forEach((id, answers) -> {
      long right = answers.stream().filter(Answered::correct).count();
      page.add("<tr><td>%s</td><td class=\"%s\">%s of %s</td><td>%s</td><td class=\"wide\">",
          id, right > 0 ? "right" : "wrong", right, answers.size(), answers.getFirst().gold());
      answers.forEach(a -> add(page, a));
      page.add("</td></tr>\n");
    });
    return page.add("</tbody></table></div>\n").html();
  }

  private static void add(HtmlPage page, Answered a) {
    String text = a.text();
    page.add("<details><summary class=\"%s\">%s: %s (%s%s)</summary><pre>%s</pre></details>\n",
        a.correct() ? "right" : "wrong", a.sample() < 0 ? "greedy" : "sample " + a.sample(), a.answer(), a.how(),
        a.truncated() ? ", cut off" : "",
        text.length() > MOST_PAGE_TEXT ? text.substring(0, MOST_PAGE_TEXT) + "..." : text);
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }

  private static String points(double difference) {
    return String.format(Locale.ROOT, "%+.1f points", 100 * difference);
  }
}
