package dev.sphere.engine.eval;

import dev.sphere.base.Visible;
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
          List.of("95 %, paired bootstrap",
              points(comparison.interval().low()) + " to " + points(comparison.interval().high())),
          List.of("won, lost", comparison.won() + ", " + comparison.lost()),
          List.of("McNemar's exact p", String.format(Locale.ROOT, "%.2g", comparison.pValue())))));
    }
    String field = null;
    List<List<String>> rows = new ArrayList<>();
    for (Breakdown b : result.breakdowns()) {
      if (!b.field().equals(field) && field != null) {
        tables.add(new Table("By " + field, List.of(field, "problems", "accuracy", "95 % interval"), List.copyOf(rows)));
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
        List.of("an answer, mean", String.format(Locale.ROOT, "%.1f", result.tokens() / (double) result.answers().size())),
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
          line.append("  ").append(" ".repeat(Math.max(0, (i < row.size() - 1 || i == 1 ? 7 : 0) - c.length()))).append(c);
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
    StringBuilder s = new StringBuilder("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
        .append(Visible.html(title)).append("</title>\n<meta name=\"viewport\" content=\"width=device-width\"><style>\n")
        .append("body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\n")
        .append("table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{border-bottom:1px solid #ccc;padding:.2rem .8rem;")
        .append("text-align:left}pre{white-space:pre-wrap;background:#f4f4f4;padding:.6rem}summary{cursor:pointer}\n")
        .append(".yes{color:#060}.no{color:#900}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}")
        .append("pre{background:#222}.yes{color:#6c6}.no{color:#f88}}\n</style></head><body>\n<h1>")
        .append(Visible.html(title)).append("</h1>\n<ul>");
    made.forEach((k, v) -> s.append("<li>").append(Visible.html(k)).append(": ").append(Visible.html(v)).append("</li>"));
    s.append("</ul>\n");
    for (Table t : tables()) {
      s.append("<h2>").append(Visible.html(t.name())).append("</h2>\n<table><tr>");
      t.head().forEach(h -> s.append("<th>").append(Visible.html(h)).append("</th>"));
      s.append("</tr>\n");
      for (List<String> row : t.rows()) {
        s.append("<tr>");
        row.forEach(c -> s.append("<td>").append(Visible.html(c)).append("</td>"));
        s.append("</tr>\n");
      }
      s.append("</table>\n");
    }
    s.append("<h2>Answers</h2>\n");
    Map<String, List<Answered>> byProblem = new LinkedHashMap<>();
    result.answers().forEach(a -> byProblem.computeIfAbsent(a.problemId(), k -> new ArrayList<>()).add(a));
    byProblem.forEach((id, answers) -> problem(s, id, answers));
    return s.append("</body></html>\n").toString();
  }

  private static void problem(StringBuilder s, String id, List<Answered> answers) {
    long right = answers.stream().filter(Answered::correct).count();
    s.append("<details><summary class=\"").append(right > 0 ? "yes" : "no").append("\">").append(Visible.html(id)).append(": ")
        .append(right).append(" of ").append(answers.size()).append(" right, gold ")
        .append(Visible.html(answers.getFirst().gold())).append("</summary>\n");
    for (Answered a : answers) {
      s.append("<p class=\"").append(a.correct() ? "yes" : "no").append("\">")
          .append(a.sample() < 0 ? "greedy" : "sample " + a.sample()).append(": ").append(Visible.html(a.answer())).append(" (")
          .append(Visible.html(a.how())).append(a.truncated() ? ", cut off" : "").append(")</p><pre>")
          .append(Visible.html(a.text().length() > MOST_PAGE_TEXT ? a.text().substring(0, MOST_PAGE_TEXT) + "..." : a.text()))
          .append("</pre>\n");
    }
    s.append("</details>\n");
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }

  private static String points(double difference) {
    return String.format(Locale.ROOT, "%+.1f points", 100 * difference);
  }
}
