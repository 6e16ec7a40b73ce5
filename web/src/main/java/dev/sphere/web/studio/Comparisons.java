package dev.sphere.web.studio;

import dev.sphere.base.PlainFile;
import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.eval.Breakdown;
import dev.sphere.engine.eval.Comparison;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.grade.AnswerGrader;
import dev.sphere.web.Query;
import dev.sphere.web.studio.Runs.Entry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** Evaluations for the views: one alone, two of them problem by problem, the rounds of an evolution. */
final class Comparisons {
  /** The seed of the bootstrap's draws, the same as the commands have by default. */
  private static final long SEED = 1;

  private final Map<String, Map<String, Object>> known = new ConcurrentHashMap<>();

  /** The answers of one evaluation to one problem. */
  private record Side(List<Answered> answers) {
    /** Right: the greedy answer, else more than half of the samples. */
    boolean right() {
      return answers.stream().filter(a -> a.sample() < 0).findFirst().map(Answered::correct)
          .orElse(2 * answers.stream().filter(Answered::correct).count() > answers.size());
    }

    Map<String, Object> toMap() {
      Answered shown = answers.stream().filter(a -> a.sample() < 0).findFirst().orElse(answers.getFirst());
      long samples = answers.stream().filter(a -> a.sample() >= 0).count();
      return Map.of("right", right(), "answer", shown.answer(), "how", shown.how(), "truncated", shown.truncated(),
          "rightSamples", answers.stream().filter(a -> a.sample() >= 0 && a.correct()).count(), "samples", samples);
    }
  }

  private static Map<String, Side> byProblem(List<Answered> answers) {
    Map<String, List<Answered>> lists = new LinkedHashMap<>();
    answers.forEach(a -> lists.computeIfAbsent(a.problemId(), id -> new ArrayList<>()).add(a));
    Map<String, Side> sides = new LinkedHashMap<>();
    lists.forEach((id, list) -> sides.put(id, new Side(list)));
    return sides;
  }

  /** The figures of an evaluation. */
  static Map<String, Object> figures(Path file) throws IOException {
    Answers.Figures f = Answers.figures(file);
    return Map.of("problems", f.problems(), "accuracy", f.accuracy(), "low", f.low(), "high", f.high(),
        "damaged", f.damaged());
  }

  /**
   * A page of the problems that both evaluations answered, or that one did.
   *
   * @param a the first of two evaluations; empty for a page of one alone
   */
  Map<String, Object> page(Optional<Path> a, Path b, Query query) throws IOException {
    Map<String, Side> second = byProblem(Answers.of(b));
    Map<String, Side> first = a.isEmpty() ? second : byProblem(Answers.of(a.get()));
    String which = query.text("which");
    String text = query.text("text").toLowerCase(Locale.ROOT);
    int from = query.number("from", 0);
    int count = Math.min(500, query.number("count", 100));
    Map<String, Integer> kinds = new LinkedHashMap<>();
    List.of("won", "lost", "right", "wrong").forEach(k -> kinds.put(k, 0));
    List<Map<String, Object>> rows = new ArrayList<>();
    int matched = 0;
    int common = 0;
    for (Map.Entry<String, Side> e : second.entrySet()) {
      Side before = first.get(e.getKey());
      if (before == null) {
        continue;
      }
      common++;
      boolean was = before.right();
      boolean is = e.getValue().right();
      String kind = is && was ? "right" : is ? "won" : was ? "lost" : "wrong";
      kinds.merge(kind, 1, Integer::sum);
      Answered any = e.getValue().answers.getFirst();
      boolean fits = (which.isEmpty() || which.equals(kind))
          && Stream.concat(Stream.of(e.getKey(), any.gold()), any.metadata().values().stream())
              .anyMatch(s -> s.toLowerCase(Locale.ROOT).contains(text));
      if (fits && matched++ >= from && rows.size() < count) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("id", e.getKey());
        row.put("gold", any.gold());
        row.put("kind", kind);
        row.put("a", a.isEmpty() ? null : before.toMap());
        row.put("b", e.getValue().toMap());
        rows.add(row);
      }
    }
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("a", a.isEmpty() ? null : figures(a.get()));
    map.put("b", figures(b));
    map.put("common", common);
    map.put("kinds", kinds);
    map.put("matched", matched);
    map.put("rows", rows);
    map.put("comparison", a.isEmpty() ? null : comparison(a.get(), b));
    return map;
  }

  /** A problem's answers under one or two evaluations, whole. */
  static Map<String, Object> answers(Optional<Path> a, Path b, String problem) throws IOException {
    return Map.of("a", a.isEmpty() ? List.of() : answers(a.get(), problem), "b", answers(b, problem));
  }

  private static List<Answered> answers(Path file, String problem) throws IOException {
    return Answers.of(file).stream().filter(x -> x.problemId().equals(problem)).toList();
  }

  /** The paired comparison over the problems of both; empty where they have not answered the same ones. */
  private Map<String, Object> comparison(Path a, Path b) throws IOException {
    String key = a + "\0" + Answers.stamp(a) + "\0" + b + "\0" + Answers.stamp(b);
    Map<String, Object> done = known.get(key);
    if (done == null) {
      List<Answered> first = Answers.of(a);
      List<Answered> second = Answers.of(b);
      Map<String, Side> one = byProblem(first);
      Map<String, Side> two = byProblem(second);
      first = first.stream().filter(x -> two.containsKey(x.problemId())).toList();
      second = second.stream().filter(x -> one.containsKey(x.problemId())).toList();
      if (first.isEmpty()) {
        return Map.of();
      }
      AnswerGrader grader = new AnswerGrader();
      done = Comparison.of(EvalResult.of(first, grader), EvalResult.of(second, grader), SEED).toMap();
      known.put(key, done);
    }
    return done;
  }

  /** The rounds of an evolution so far, each compared with the base and with the round before. */
  Map<String, Object> evolution(Runs runs, Entry entry) throws IOException {
    Path folder = entry.path();
    Map<String, Object> map = new LinkedHashMap<>();
    Path base = folder.resolve("base-answers.jsonl");
    map.put("base", PlainFile.exists(base) ? point(runs, base, null, null) : null);
    List<Map<String, Object>> rounds = new ArrayList<>();
    Path before = base;
    for (int n = 1; Files.isDirectory(folder.resolve("round-" + n)); n++) {
      Path round = folder.resolve("round-" + n);
      Path answers = round.resolve("answers.jsonl");
      Map<String, Object> row = new LinkedHashMap<>();
      if (PlainFile.exists(folder, answers)) {
        row.putAll(point(
            runs, answers, PlainFile.exists(base) ? base : null, PlainFile.exists(before) ? before : null));
      }
      row.put("round", n);
      row.put("search", id(runs, round.resolve("search")));
      row.put("train", id(runs, round.resolve("train")));
      rounds.add(row);
      before = answers;
    }
    map.put("rounds", rounds);
    return map;
  }

  private Map<String, Object> point(Runs runs, Path answers, Path base, Path before) throws IOException {
    Map<String, Object> map = new LinkedHashMap<>(figures(answers));
    map.put("breakdown", Answers.figures(answers).breakdowns().stream().map(Breakdown::toMap).toList());
    map.put("answers", id(runs, answers));
    if (base != null) {
      map.put("sinceBase", comparison(base, answers));
      map.put("sinceBefore", comparison(before == null ? base : before, answers));
      map.put("beforeAnswers", id(runs, before == null ? base : before));
    }
    return map;
  }

  private static String id(Runs runs, Path path) {
    return Files.exists(path) ? runs.root().relativize(path).toString().replace('\\', '/') : null;
  }
}
