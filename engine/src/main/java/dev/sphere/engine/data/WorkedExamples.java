package dev.sphere.engine.data;

import dev.sphere.base.Sha256;
import dev.sphere.engine.Problem;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.settings.Setting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/**
 * Worked examples before a question, as a base model is asked: each is the question's template filled in, a space and
 * the published solution, with an empty line after it (lm-evaluation-harness's few-shot form).
 *
 * @param examples at least one
 */
public record WorkedExamples(List<Example> examples) {
  private static final List<String> SOLUTIONS =
      List.of("solution", "response", "generated_solution", "output", "Solution", "answer", "Answer");

  private static final Pattern CALCULATOR = Pattern.compile("<<[^<>]*>>"); // "4 + 3 = <<4+3=7>>7"
  private static final int SENTENCE = 6; // words; what is shorter is an answer

  /** A problem's question with its published solution. */
  public record Example(String question, String solution) {}

  /**
   * Settings of worked examples.
   *
   * @param file problems with solutions; null for no examples
   * @param shots number of examples
   */
  public record Settings(
      @Setting(name = "few_shot", label = "FILE", shown = "none",
          help = "Worked examples before each question, the first problems of FILE with their solutions: base models "
              + "need them, and small ones learn the form of an answer from them. A search writes its pairs without "
              + "them.")
      Path file,
      @Setting(def = "5", range = "[1, )", label = "N", needs = "few_shot", help = "How many worked examples.")
      int shots) {
    /** No examples. */
    public static final Settings NONE = new Settings(null, 5);

    /** The examples, as {@link WorkedExamples#read} reads them; null for no examples. */
    public WorkedExamples read() {
      return file == null ? null : WorkedExamples.read(file, shots);
    }

    /**
     * The problems that a search may take: those that are not among the examples.
     *
     * @throws IllegalArgumentException when none is left
     */
    public List<Problem> others(List<Problem> problems) {
      WorkedExamples examples = read();
      List<Problem> others = examples == null ? problems : examples.others(problems);
      if (others.isEmpty()) {
        throw new IllegalArgumentException("no problem is left to search: all of them are worked examples");
      }
      return others;
    }
  }

  public WorkedExamples {
    examples = List.copyOf(examples);
  }

  /**
   * Reads the first examples of a file.
   *
   * @param file problems with solutions, as {@link ProblemReader} reads them; GSM8K's training split, for instance
   * @param shots how many, at least 1
   * @throws IllegalArgumentException when there are fewer in the file or a row has no question or solution; names the
   *     row
   * @throws UncheckedIOException when reading fails
   */
  public static WorkedExamples read(Path file, int shots) {
    if (shots < 1) {
      throw new IllegalArgumentException("the number of worked examples must be at least 1, it is " + shots);
    }
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException("worked examples " + file + ": there is no such file");
    }
    List<Example> examples = new ArrayList<>();
    ProblemFields fields = new ProblemFields(ReadOptions.defaults(), "");
    try (Rows rows = Rows.open(file)) {
      for (Rows.Row row = rows.next(); row != null && examples.size() < shots; row = rows.next()) {
        String where = "worked examples " + file + ", " + rows.unit() + " " + row.line() + ": ";
        if (row.error() != null) {
          throw new IllegalArgumentException(where + row.error());
        }
        try {
          examples.add(new Example(fields.problem(row.value(), row.line()).question(), solution(row.value())));
        } catch (BadRowException e) {
          throw new IllegalArgumentException(where + e.getMessage(), e);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("reading worked examples from " + file + ": " + e.getMessage(), e);
    }
    if (examples.size() < shots) {
      throw new IllegalArgumentException("worked examples " + file + ": " + shots + " are wanted, " + examples.size()
          + " are there");
    }
    return new WorkedExamples(examples);
  }

  /**
   * The shortest examples of a file whose rows hold solutions and not answers alone, without the marks of GSM8K's
   * calculator.
   *
   * @param file as {@link #read} takes it; bad rows are passed over
   * @param among problems that may be shown
   * @return empty where fewer than {@code shots} of them have a solution
   */
  public static Optional<WorkedExamples> shortest(Path file, List<Problem> among, int shots) {
    Map<String, Problem> known = new HashMap<>();
    among.forEach(p -> known.put(words(p.question()), p));
    List<Example> examples = new ArrayList<>();
    ProblemFields fields = new ProblemFields(ReadOptions.defaults(), "");
    try (Rows rows = Rows.open(file)) {
      for (Rows.Row row = rows.next(); row != null; row = rows.next()) {
        try {
          Problem problem = row.error() != null ? null
              : known.remove(words(fields.problem(row.value(), row.line()).question()));
          String solution = problem == null ? "" : CALCULATOR.matcher(solution(row.value())).replaceAll("");
          if (solution.split("\\s+").length >= SENTENCE && !solution.equals(problem.answer())) {
            examples.add(new Example(problem.question(), solution));
          }
        } catch (BadRowException e) {
          // a row that is no problem, or has no solution, is no example
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("reading worked examples from " + file + ": " + e.getMessage(), e);
    }
    examples.sort(Comparator.comparingInt(e -> e.solution().length()));
    return examples.size() < shots ? Optional.empty() : Optional.of(new WorkedExamples(examples.subList(0, shots)));
  }

  /** These prompts with the examples before every question. */
  public Prompts before(Prompts prompts) {
    return prompts.with(null, before(prompts.question()), null, null, null);
  }

  /** The user's turn, with {@code {question}}, and the examples before it. */
  public String before(String template) {
    return examples.stream().map(e -> template.replace("{question}", e.question) + " " + e.solution + "\n\n")
        .collect(Collectors.joining()) + template;
  }

  /** The problems that are not among the examples, whose solutions would be copied. */
  public List<Problem> others(List<Problem> problems) {
    Set<String> shown = examples.stream().map(e -> words(e.question)).collect(Collectors.toSet());
    return problems.stream().filter(p -> !shown.contains(words(p.question()))).toList();
  }

  private static String words(String question) {
    return question.strip().replaceAll("\\s+", " ");
  }

  /** SHA-256 of questions and solutions. */
  public String sha256() {
    String all = examples.stream().map(e -> e.question + '\0' + e.solution + '\0').collect(Collectors.joining());
    return Sha256.of(all);
  }

  /** The template's text before the question ("Question:"), which ends an answer; empty where there is none. */
  public static String head(String template) {
    return template.substring(0, Math.max(0, template.indexOf("{question}"))).strip();
  }

  private static String solution(JsonNode row) throws BadRowException {
    for (String k : SOLUTIONS) {
      if (row.path(k).isString() && !row.path(k).asString().isBlank()) {
        return row.path(k).asString().strip();
      }
    }
    throw new BadRowException("no solution: none of the fields " + String.join(", ", SOLUTIONS) + " is there");
  }
}
