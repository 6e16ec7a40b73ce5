package dev.sphere.engine.data;

import dev.sphere.engine.Problem;
import dev.sphere.grade.extract.AnswerExtractor;
import dev.sphere.grade.extract.AnswerExtractor.Form;
import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * Finds question, answer and id in a row. The names are those of GSM8K (question, answer after ####), MATH and MATH-500
 * (problem, solution, answer, unique_id), NuminaMath (problem, solution), MetaMath (query, response after "The answer
 * is:"), AIME and AMC (problem, answer), OlympiadBench (question, final_answer as a list, unit) and OpenMathInstruct
 * (problem, expected_answer), and of countdown sets (target, and the given numbers as a list, nums).
 */
final class ProblemFields {
  private static final List<String> QUESTIONS =
      List.of("problem", "question", "query", "prompt", "instruction", "input", "Problem", "Question");
  /** Short answers first: a solution is only searched when there is none. */
  private static final List<String> ANSWERS =
      List.of("final_answer", "answer", "expected_answer", "ground_truth", "gold", "target", "Answer", "solution",
          "response", "generated_solution", "output", "Solution");
  private static final List<String> IDS = List.of("unique_id", "id", "problem_id", "uuid", "ID");
  private static final Set<String> METADATA =
      Set.of("level", "subject", "type", "source", "problem_source", "subfield", "unit", "answer_type", "error",
          "is_multiple_answer", "difficulty", "url", "problem_type", "data_source", "nums");
  private static final Set<String> SOLUTIONS =
      Set.of("solution", "response", "generated_solution", "output", "Solution");

  /** Forms in which a solution marks its answer. */
  private static final Set<Form> MARKED = Set.of(Form.BOX, Form.HASHES, Form.MARKER, Form.SENTENCE);

  private final ReadOptions options;
  private final String stem;

  ProblemFields(ReadOptions options, String stem) {
    this.options = options;
    this.stem = stem;
  }

  Problem problem(JsonNode row, long line) throws BadRowException {
    if (!row.isObject()) {
      throw new BadRowException("a JSON object is expected, not " + row.getNodeType().name().toLowerCase(Locale.ROOT));
    }
    String question = text(row, field(row, options.questionField(), QUESTIONS, "question", "--question-field"));
    if (question.isBlank()) {
      throw new BadRowException("the question is empty");
    }
    String context = row.path("context").asString("");
    if (options.questionField() == null && !context.isBlank()) {
      question = context.strip() + "\n" + question;
    }
    String answerField = field(row, options.answerField(), ANSWERS, "answer", "--answer-field");
    String answer = answer(row, answerField);
    return new Problem(id(row, line), question.strip(), answer, metadata(row));
  }

  private String field(JsonNode row, String named, List<String> known, String what, String option)
      throws BadRowException {
    if (named != null) {
      if (at(row, named).isMissingNode() || at(row, named).isNull()) {
        throw new BadRowException("field " + named + " is missing (fields: " + names(row) + ")");
      }
      return named;
    }
    for (String k : known) {
      if (!row.path(k).isMissingNode() && !row.path(k).isNull()) {
        return k;
      }
    }
    throw new BadRowException(
        "no " + what + ": none of the fields " + names(row) + " is known; name it with " + option);
  }

  /** A field by its name, else by its path: a.b is b within a, a.0 the first of a list. */
  private static JsonNode at(JsonNode row, String path) {
    JsonNode direct = row.path(path);
    if (!direct.isMissingNode() || path.indexOf('.') < 0) {
      return direct;
    }
    JsonNode node = row;
    for (String step : path.split("\\.")) {
      node = node.isArray() && step.matches("\\d{1,6}") ? node.path(Integer.parseInt(step)) : node.path(step);
    }
    return node;
  }

  private static String names(JsonNode row) {
    return String.join(", ", row.propertyNames().stream().limit(12).toList());
  }

  private String answer(JsonNode row, String field) throws BadRowException {
    JsonNode value = at(row, field);
    String answer;
    if (value.isArray()) {
      StringBuilder all = new StringBuilder();
      for (JsonNode v : value) {
        all.append(all.isEmpty() ? "" : ", ").append(scalar(v).strip());
      }
      answer = all.toString();
    } else {
      answer = scalar(value).strip();
    }
    boolean solution = SOLUTIONS.contains(field) || answer.contains("####") || answer.contains("\\boxed")
        || answer.indexOf('\n') >= 0
        || options.answerField() != null && answer.length() > 200;
    if (solution) {
      AnswerExtractor.Extracted e = AnswerExtractor.extract(answer);
      boolean marked = MARKED.contains(e.form());
      if (!marked && (SOLUTIONS.contains(field) || e.answer().isEmpty())) {
        throw new BadRowException("no final answer in " + field + " (a box, ####, or \"the answer is\")");
      }
      answer = e.answer().strip();
    }
    if (answer.isBlank()) {
      throw new BadRowException("the answer in " + field + " is empty");
    }
    if (field.equals("answer") && (answer.equals("proof") || answer.equals("notfound"))) {
      throw new BadRowException("it has no final answer (" + answer + ")");
    }
    return withUnit(answer, row.path("unit").asString(""));
  }

  /** OlympiadBench keeps the unit apart; a single number without one gets it back. */
  private static String withUnit(String answer, String unit) {
    if (unit.isBlank() || answer.contains(",") || answer.contains(unit)) {
      return answer;
    }
    String bare = answer.startsWith("$") && answer.endsWith("$") && answer.length() > 2
        ? answer.substring(1, answer.length() - 1) : answer;
    String u = unit.strip();
    return u.startsWith("^") ? bare + u : u.equals("%") ? bare + "\\%" : bare + "\\text{ " + u + "}";
  }

  /** A number as people write it: 27.0 is 27. */
  private static String scalar(JsonNode v) throws BadRowException {
    if (v.isNumber()) {
      BigDecimal d;
      try {
        d = v.decimalValue();
      } catch (JacksonException e) {
        throw new BadRowException("an answer is a number out of range");
      }
      if (Math.abs((long) d.precision() - d.scale()) > 4_000 || Math.abs((long) d.scale()) > 4_000) {
        throw new BadRowException("an answer is a number out of range");
      }
      return d.signum() == 0 ? "0" : d.stripTrailingZeros().toPlainString();
    }
    if (v.isString() || v.isBoolean()) {
      return v.asString();
    }
    throw new BadRowException("an answer is neither text nor number");
  }

  private static String text(JsonNode row, String field) throws BadRowException {
    JsonNode v = at(row, field);
    if (!v.isString()) {
      throw new BadRowException("field " + field + " is not text");
    }
    return v.asString();
  }

  private String id(JsonNode row, long line) throws BadRowException {
    if (options.idField() != null) {
      JsonNode v = at(row, options.idField());
      if (!v.isString() && !v.isNumber()) {
        throw new BadRowException("field " + options.idField() + " is missing or neither text nor number");
      }
      return v.asString();
    }
    for (String k : IDS) {
      JsonNode v = row.path(k);
      if (v.isString() && !v.asString().isBlank() || v.isIntegralNumber()) {
        return v.isString() ? v.asString() : stem + "-" + v.asString();
      }
    }
    return stem + ":" + line;
  }

  private static Map<String, String> metadata(JsonNode row) {
    Map<String, String> m = new LinkedHashMap<>();
    for (String k : row.propertyNames()) {
      JsonNode v = row.get(k);
      if (METADATA.contains(k) && (v.isString() || v.isNumber() || v.isBoolean())) {
        m.put(k, v.asString());
      } else if (k.equals("nums") && v.isArray()) {
        m.put(k, String.join(", ", v.valueStream().map(JsonNode::asString).toList()));
      }
    }
    return m;
  }
}
