package dev.sphere.trainer.evolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Problem;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.trainer.evolve.EvolveStart.Asked;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** An evolution of which only model and problems are told, on the embedded model. */
class EvolveStartTest {
  @TempDir private Path temporary;

  /** Remembers the account. */
  private static final class Account implements EvolveListener {
    final List<String> lines = new ArrayList<>();

    @Override
    public void said(String line) {
      lines.add(line);
    }
  }

  private Path file(String name, List<Problem> problems) {
    Path file = temporary.resolve(name);
    ProblemSplit.write(problems, file);
    return file;
  }

  private static Asked asked(Path problems, double seconds) {
    return new Asked("embedded", problems.toString(), Optional.empty(), Optional.empty(), seconds, 1);
  }

  /** The clock plans, once: what goes on from a kill, and the recipe alone, give the same bytes. */
  @Test
  void modelAndProblemsAreEnough() throws Exception {
    Asked asked = asked(file("problems.jsonl", ProblemSource.read("embedded:train").subList(0, 200)), 600);
    Path run = temporary.resolve("run");
    Account account = new Account();
    Path recipe = new EvolveStart(asked, run, account).recipe().orElseThrow();
    String written = Files.readString(recipe);
    assertEquals(Optional.of(asked), EvolveStart.begun(run));
    String told = String.join("\n", account.lines);
    assertTrue(told.contains("Asked by \"usual\"") && told.contains("way to ask")
        && told.contains("Plan: at most 3 rounds of "), told);
    assertEquals(account.lines, Files.readAllLines(run.resolve("start/account.txt")));

    EvolveListener killed = new EvolveListener() {
      @Override
      public void searching(int round, int problems) {
        throw new IllegalStateException("killed");
      }
    };
    assertThrows(IllegalStateException.class, () -> new Evolve(Recipe.read(recipe), run, true, killed).run());
    Account again = new Account();
    assertEquals(recipe, new EvolveStart(asked, run, again).recipe().orElseThrow());
    assertEquals(List.of(), again.lines, "nothing is chosen anew");
    assertEquals(written, Files.readString(recipe));
    EvolveReport report = new Evolve(Recipe.read(recipe), run, true, again).run();
    Path alone = temporary.resolve("alone");
    EvolveReport same = new Evolve(Recipe.read(recipe), alone, false, again).run();
    String best = "test-round-" + report.best().round() + ".jsonl";
    for (String result : List.of("round-1/train/adapter.gguf", "round-1/search/pairs.jsonl", "round-1/answers.jsonl",
        "base-answers.jsonl", "test-base.jsonl", best)) {
      assertEquals(-1, Files.mismatch(run.resolve(result), alone.resolve(result)), result);
    }
    assertEquals(List.of(), Evolve.check(run));

    // Asked at the end alone: the test problems, and no other problems than those of the split.
    List<Problem> test = ProblemSource.read(run.resolve("start/test.jsonl").toString());
    List<Problem> validation = ProblemSource.read(run.resolve("start/validation.jsonl").toString());
    EndTest end = report.test().orElseThrow();
    assertEquals(test.size(), end.comparison().n());
    assertEquals(ids(test), end.base().scores().keySet().stream().toList());
    assertEquals(ids(validation), report.base().scores().keySet().stream().toList(), "until then validation tells");
    assertEquals(ids(test), AnswerFile.read(run.resolve(best)).stream().map(a -> a.problemId()).toList());
    assertEquals(end.comparison(), same.test().orElseThrow().comparison());
    assertEquals(end.evolved().accuracy() - end.base().accuracy(), end.comparison().difference(), 1e-12);
    assertTrue(end.comparison().won() > end.comparison().lost(), end.comparison().toString());
    List<String> lines = end.lines();
    assertTrue(lines.get(1).startsWith("On " + test.size() + " test problems, asked once: base "), lines.get(1));
    assertEquals(Math.min(3, end.comparison().won()), lines.subList(0, lines.indexOf(lost(lines))).stream()
        .filter(l -> l.startsWith("    now:")).count(), "three that are solved now");
    JsonNode json = JsonMapper.shared().readTree(Files.readString(run.resolve("report.json")));
    assertEquals(end.comparison().won(), json.path("won").asInt());
    assertEquals(end.comparison().pValue(), json.path("test").path("p_value").asDouble());
    assertEquals(report.best().artefact().toString(), json.path("test").path("adapter").asString());
  }

  private static String lost(List<String> lines) {
    return lines.stream().filter(l -> l.startsWith("Lost:")).findFirst().orElseThrow();
  }

  private static List<String> ids(List<Problem> problems) {
    return problems.stream().map(Problem::id).toList();
  }

  /** What the model cannot do at all, and what it always does, is said, with what it wrote and what would help. */
  @Test
  void whereNothingIsToLearnItSaysSo() throws Exception {
    List<Problem> problems = ProblemSource.read("embedded:train").subList(0, 160);
    List<Problem> never = problems.stream().map(p -> new Problem(p.id(), p.question(), "-7654321")).toList();
    Account account = new Account();
    Path run = temporary.resolve("never");
    assertEquals(Optional.empty(), new EvolveStart(asked(file("never.jsonl", never), 0), run, account).recipe());
    String told = String.join("\n", account.lines);
    assertTrue(told.contains("No way of asking works: ") && told.contains("What the model wrote")
        && told.contains("0 of "), told);
    assertEquals(3, account.lines.stream().filter(l -> l.endsWith("(-7654321)")).count(), "three examples: " + told);
    assertTrue(told.contains("Nothing to learn from yet.")
        && told.endsWith("What would help: easier problems, or a larger model."), told);
    assertFalse(Files.exists(run.resolve(EvolveStart.RECIPE)));

    // Of 160 problems ten can be solved: asking works, and too few are solved sometimes.
    List<Problem> few = new ArrayList<>(problems.subList(0, 24));
    few.addAll(never.subList(24, 160));
    Account other = new Account();
    assertEquals(Optional.empty(), new EvolveStart(asked(file("few.jsonl", few), 0), temporary.resolve("few"), other)
        .recipe());
    String said = String.join("\n", other.lines);
    assertTrue(said.contains("Probe: of the first ") && said.contains("At least 30 of the first "), said);
  }

  @Test
  void whatCannotBeBegunIsRefusedBeforeAnyWork() throws Exception {
    Path problems = file("problems.jsonl", ProblemSource.read("embedded:train").subList(0, 30));
    Throwable few = assertThrows(IllegalArgumentException.class,
        () -> new EvolveStart(asked(problems, 0), temporary.resolve("few"), new Account()).recipe());
    assertTrue(few.getMessage().contains("give at least 100 problems"), few.getMessage());
    Path foreign = Files.createDirectories(temporary.resolve("foreign"));
    Files.writeString(foreign.resolve("thesis.txt"), "not ours");
    Throwable other = assertThrows(IllegalArgumentException.class,
        () -> new EvolveStart(asked(problems, 0), foreign, new Account()).recipe());
    assertTrue(other.getMessage().contains("holds other files"), other.getMessage());
    assertEquals(Optional.empty(), EvolveStart.begun(foreign));
  }

  /** Solutions in the file are a way to ask; what is shown is not searched. */
  @Test
  void problemsWithSolutionsAreShown() throws Exception {
    String rows = ProblemSource.read("embedded:train").subList(0, 160).stream()
        .map(p -> JsonMapper.shared().writeValueAsString(
        java.util.Map.of("id", p.id(), "question", p.question(), "answer",
            "First we look at all of the numbers. <<1+1=2>>\n#### " + p.answer()))).collect(Collectors.joining("\n"));
    Path file = temporary.resolve("solutions.jsonl");
    Files.writeString(file, rows + "\n");
    Account account = new Account();
    Path run = temporary.resolve("run");
    new EvolveStart(asked(file, 60), run, account).recipe();
    String told = String.join("\n", account.lines);
    assertTrue(told.contains("with 3 examples"), told);
    int searched = ProblemSource.read(run.resolve("start/searched.jsonl").toString()).size();
    ProblemSplit split = ProblemSplit.of(ProblemSource.read(file.toString()), List.of(), List.of());
    assertEquals(split.searched().size() - 3, searched);
  }
}
