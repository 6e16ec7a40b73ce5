package dev.sphere.engine.eval;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The figures of the problems that share a published field, such as level 5.
 *
 * @param field the field's name
 * @param value its value
 * @param n problems
 * @param accuracy as {@link EvalResult#accuracy}, of these problems
 * @param interval Wilson's 95 % interval of it; where accuracies are means of samples, of the mean rounded to problems
 */
public record Breakdown(String field, String value, int n, double accuracy, Statistics.Interval interval) {
  private static final List<String> FIELDS =
      List.of("level", "difficulty", "subject", "type", "subfield", "answer_type", "source", "problem_type",
          "data_source");
  private static final int MOST_VALUES = 40;

  /**
   * A row for each value of each field that has several values.
   *
   * @param scores by problem, 0 to 1
   * @param metadata by problem, its published fields
   */
  public static List<Breakdown> of(Map<String, Double> scores, Map<String, Map<String, String>> metadata) {
    List<Breakdown> rows = new ArrayList<>();
    for (String field : FIELDS) {
      Map<String, double[]> byValue = new TreeMap<>();
      scores.forEach((id, score) -> {
        String value = metadata.getOrDefault(id, Map.of()).get(field);
        if (value != null && !value.isBlank()) {
          double[] sum = byValue.computeIfAbsent(value, v -> new double[2]);
          sum[0]++;
          sum[1] += score;
        }
      });
      if (byValue.size() < 2 || byValue.size() > MOST_VALUES) {
        continue;
      }
      byValue.forEach((value, sum) -> rows.add(new Breakdown(field, value, (int) sum[0], sum[1] / sum[0],
          Statistics.wilson((int) Math.round(sum[1]), (int) sum[0], EvalResult.Z95))));
    }
    return rows;
  }

  /** The figures by name, as the JSON result has them. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("field", field);
    m.put("value", value);
    m.put("n", n);
    m.put("accuracy", accuracy);
    m.put("interval_low", interval.low());
    m.put("interval_high", interval.high());
    return m;
  }
}
