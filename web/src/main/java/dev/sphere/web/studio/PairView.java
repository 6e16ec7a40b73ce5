package dev.sphere.web.studio;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.store.PairFlags;
import dev.sphere.grade.Verdict;
import dev.sphere.grade.extract.AnswerExtractor;
import dev.sphere.web.HttpError;
import dev.sphere.web.studio.ProblemRow.Log;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The pairs of a problem as the studio shows them: both sides with their answers, and the flag that a reader set. */
final class PairView {
  private static final JsonMapper JSON = JsonMapper.shared();

  private final Problem problem;
  private final List<PreferencePair> pairs = new ArrayList<>();

  PairView(SearchIndex index, ProblemRow row) throws IOException {
    this.problem = row.problem;
    for (byte[] line : index.lines(Log.STAGES, row, 0)) {
      for (JsonNode p : JSON.readTree(line).get("pairs")) {
        pairs.add(new PreferencePair(p.get("problem_id").asString(), p.get("stage").asString(),
            p.get("prompt").asString(), p.get("chosen").asString(), p.get("rejected").asString(),
            ints(p.get("prompt_tokens")), ints(p.get("chosen_tokens")), ints(p.get("rejected_tokens")),
            p.has("prompt_content") ? ints(p.get("prompt_content")) : null));
      }
    }
  }

  private static int[] ints(JsonNode array) {
    int[] values = new int[array == null ? 0 : array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asInt();
    }
    return values;
  }

  /** The problem's pairs, over its stages. */
  List<PreferencePair> pairs() {
    return pairs;
  }

  /**
   * The pair of a number, counted over the problem's stages from 0.
   *
   * @throws HttpError 404 for a number that is too large
   */
  PreferencePair pair(int n) {
    if (n >= pairs.size()) {
      throw new HttpError(404, "problem " + problem.id() + " has "
          + (pairs.size() == 1 ? "one pair" : pairs.size() + " pairs") + ": there is no pair " + (n + 1));
    }
    return pairs.get(n);
  }

  Map<String, Object> toMap(int n, Map<String, PairFlags.Flag> flags, int allPairs) {
    PreferencePair pair = pair(n);
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("question", problem.question());
    map.put("answer", problem.answer());
    map.put("stage", pair.stage());
    map.put("n", n);
    map.put("of", pairs.size());
    map.put("prompt", pair.prompt());
    map.put("chosen", side(pair.chosen()));
    map.put("rejected", side(pair.rejected()));
    PairFlags.Flag flag = flags.get(PairFlags.key(pair));
    map.put("flag", flag == null ? null : flag.label());
    map.put("flagged", flags.size());
    map.put("pairs", allPairs);
    return map;
  }

  /** A side's text, and the answer that the grader reads in it: its text, form and place, and whether it is right. */
  private Map<String, Object> side(String text) {
    AnswerExtractor.Extracted found = AnswerExtractor.extract(text);
    Verdict verdict = new GradedAnswers().grade(problem, text);
    int from = found.answer().isEmpty() ? -1 : text.lastIndexOf(found.answer());
    return Map.of("text", text, "answer", found.answer(), "form", found.form().label(), "stated", found.form().stated(),
        "right", verdict.equal(), "how", verdict.how(),
        "from", from, "to", from < 0 ? -1 : from + found.answer().length());
  }
}
