package dev.sphere.engine.stage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Generation;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.search.Permits;
import dev.sphere.engine.search.SearchSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class ProblemSolverTest {
  private static final Problem PROBLEM = new Problem("p1", "Q", "7");
  private static final OutcomeReward SEVEN = (problem, solution) -> solution.strip().endsWith("=7");
  /** A step that begins with + is good, one that begins with - is bad. */
  private static final ProcessRewardModel BY_SIGN = (problem, path, key, steps) -> steps.stream()
      .mapToDouble(s -> s.text().startsWith("+") ? 1 : s.text().startsWith("-") ? 0 : .5)
      .toArray();

  private static final Prompts PROMPTS = new Prompts("", "{question}", "again", "Solution:");
  private static final SearchSettings SEARCH = SearchSettings.paper().withCandidates(2).withSeparator("\n");
  private static final StageSettings STAGES = StageSettings.defaults().withPrompts(PROMPTS);

  private static ProblemResult solve(ScriptedPolicy policy, ScriptedPolicy small, StageSettings stages)
      throws InterruptedException {
    return solve(policy, small, stages, SEARCH);
  }

  private static ProblemResult solve(
      ScriptedPolicy policy, ScriptedPolicy small, StageSettings stages, SearchSettings search)
      throws InterruptedException {
    return solve(policy, Optional.<Policy>ofNullable(small), BY_SIGN, SolverOptions.of(SEVEN, search, stages, 1),
        new MemoryLog());
  }

  private static ProblemResult solve(Policy policy, Optional<Policy> small, ProcessRewardModel prm,
      SolverOptions options, RunLog log) throws InterruptedException {
    ProblemSolver.Models models =
        new ProblemSolver.Models(new Actor(policy, p -> prm), small.map(s -> new Actor(s, p -> prm)));
    return new ProblemSolver(models, options).work(new Task.Solve(PROBLEM, Optional.empty()), records(log)).result();
  }

  private static List<Reason> reasons(ProblemResult result) {
    return result.stages().stream().map(StageResult::reason).toList();
  }

  @Test
  void aRightSolMaxAgainstAWrongSolMin() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("u[Q]a:", "+a\n", "-b\n")
        .after("u[Q]a:+a\n", "+c=7$", "-d=1$")
        .after("u[Q]a:-b\n", "+e=7$", "-f=2$")
        .after("u[Q]a[-b\n-f=2]u[again]a:", "+no=3$", "-no=4$");
    ProblemResult result = solve(policy, null, STAGES);
    PreferencePair pair = result.stages().getFirst().pairs().getFirst();
    assertEquals("generation", pair.stage());
    assertEquals("u[Q]a:", pair.prompt());
    assertEquals("+a\n+c=7", pair.chosen());
    assertEquals("-b\n-f=2", pair.rejected());
    assertArrayEquals("+a\n+c=7\0".chars().toArray(), pair.chosenTokens());
    assertArrayEquals("u[Q]a:".chars().toArray(), pair.promptTokens());
    assertEquals(1, result.pairs());
    assertNull(result.reason());
    assertEquals(Reason.NOT_CORRECTED, result.stages().get(1).reason());
    assertEquals(Reason.NOT_APPLICABLE, result.stages().get(2).reason());
  }

  /** All stages and the reward see what stands before the question; the pairs are written without it. */
  @Test
  void whatIsShownBeforeAQuestionIsInNoPair() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("u[E Q]a:", "+x=7$", "-y=2$")
        .after("u[E Q]a[-y=2]u[again]a:", "+Solution: z=7$", "-bad=1$");
    ScriptedPolicy right = new ScriptedPolicy().after("u[E Q]a:", "+x=7$", "-y=7$");
    ScriptedPolicy small = new ScriptedPolicy().after("u[E Q]a:", "+v=3$", "-w=4$");
    Set<String> judged = new TreeSet<>();
    ProcessRewardModel prm = (problem, path, key, steps) -> {
      judged.add(policy.detokenize(path.toArray()));
      return BY_SIGN.score(problem, path, key, steps);
    };
    Prompts asked = PROMPTS.with(null, "E {question}", null, null, null);
    List<PreferencePair> pairs = new ArrayList<>();
    for (ScriptedPolicy p : List.of(policy, right)) {
      ProblemResult result = solve(p, Optional.of(small), prm,
          SolverOptions.of(SEVEN, SEARCH, STAGES, 1).withAsked(asked), new MemoryLog());
      result.stages().forEach(s -> pairs.addAll(s.pairs()));
    }
    assertEquals(List.of("generation +x=7 -y=2", "correction z=7 -y=2", "diversity +x=7 -w=4", "diversity +x=7 +v=3"),
        pairs.stream().map(p -> p.stage() + " " + p.chosen() + " " + p.rejected()).toList());
    for (PreferencePair pair : pairs) {
      assertEquals("u[Q]a:", pair.prompt());
      assertArrayEquals("u[Q]a:".chars().toArray(), pair.promptTokens());
    }
    assertArrayEquals("+x=7\0".chars().toArray(), pairs.getFirst().chosenTokens(), "as the policy wrote them");
    assertEquals(Set.of("u[E Q]a:", "u[E Q]a[-y=2]u[again]a:"), judged);
  }

  @Test
  void aRightCorrectionAgainstTheWrongAttempt() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("u[Q]a:", "+x=1$", "-y=2$")
        .after("u[Q]a[+x=1]u[again]a:", "+I forgot. Solution:\nz=7$", "-bad=1$")
        .after("u[Q]a[-y=2]u[again]a:", "+w=5$", "-**SOLUTION**\n")
        .after("u[Q]a[-y=2]u[again]a:-**SOLUTION**\n", "v=8$", "v=7$");
    ProblemResult result = solve(policy, null, STAGES);
    assertEquals(Reason.BOTH_WRONG, result.stages().getFirst().reason());
    List<PreferencePair> pairs = result.stages().get(1).pairs();
    assertEquals(2, pairs.size());
    // Under the original prompt, and without the talk about the mistake.
    assertEquals(List.of("u[Q]a:", "z=7", "+x=1"),
        List.of(pairs.get(0).prompt(), pairs.get(0).chosen(), pairs.get(0).rejected()));
    assertEquals(0, pairs.get(0).chosenTokens().length, "a part of what was sampled is known as text only");
    // Where only the unpromising chain came out right, it is a right correction none the less.
    assertEquals("v=7", pairs.get(1).chosen());
    assertEquals("-y=2", pairs.get(1).rejected());
    assertEquals("correction", pairs.get(1).stage());
    assertNull(result.reason());
  }

  /** A critique that comes to the right answer is no solution; it became a chosen one before. */
  @Test
  void aCorrectionWithoutItsMarkerMakesNoPair() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("u[Q]a:", "+x=1$", "-y=2$")
        .after("u[Q]a[+x=1]u[again]a:", "+You forgot a sum. The answer is z=7$", "-bad=1$")
        .after("u[Q]a[-y=2]u[again]a:", "+w=5$", "-v=6$");
    ProblemResult result = solve(policy, null, STAGES);
    assertEquals(0, result.pairs());
    assertEquals(Reason.NO_MARKER, result.stages().get(1).reason());
    Prompts whole = new Prompts("", "{question}", "again", "");
    assertEquals("+You forgot a sum. The answer is z=7",
        solve(policy, null, STAGES.withPrompts(whole)).stages().get(1).pairs().getFirst().chosen());
  }

  /** What a critique quotes is not its answer: the path went no further before. */
  @Test
  void aBoxQuotedInTheCritiqueEndsNoPath() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("u[Q]a:", "+x=1$", "-y=2$")
        .after("u[Q]a[+x=1]u[again]a:", "+You wrote \\boxed{1}.\n", "-bad=1$")
        .after("u[Q]a[+x=1]u[again]a:+You wrote \\boxed{1}.\n", "+So:\n### solution:\n", "-bad=1$")
        .after("u[Q]a[+x=1]u[again]a:+You wrote \\boxed{1}.\n+So:\n### solution:\n", "+z\\boxed{7}=7\n", "-bad=1$")
        .after("u[Q]a[-y=2]u[again]a:", "+w=5$", "-v=6$");
    PreferencePair pair = solve(policy, null, STAGES).stages().get(1).pairs().getFirst();
    assertEquals("+z\\boxed{7}=7", pair.chosen());
    assertEquals("+x=1", pair.rejected());
  }

  @Test
  void theMarkerIsOneSettingOfPromptAndReader() {
    Prompts usual = Prompts.defaults().with(null, null, null, "Better:", null);
    String asked = usual.askToCorrect(PROBLEM, "x").getLast().content();
    assertTrue(asked.contains("write a line \"Better:\""), asked);
    assertEquals("y", usual.marker().solution("x\nBetter: y"));
    assertTrue(Prompts.defaults().askToCorrect(PROBLEM, "x").getLast().content().contains("\"Corrected solution:\""));
  }

  @Test
  void markersAsModelsWriteThem() {
    dev.sphere.engine.SolutionMarker marker = Prompts.defaults().marker();
    for (String line : List.of("Corrected solution:", "**Corrected solution:**", "**Corrected Solution**:", "### Corrected Solution",
        "corrected  solution :", "CORRECTED SOLUTION:", "> Corrected solution:", "Now here is the Corrected solution:")) {
      assertEquals("2+2=4", marker.solution("It was wrong.\n" + line + "\n\n2+2=4"), line);
    }
    assertEquals("b", marker.solution("Corrected solution: a\nCorrected solution: b"));
    for (String text : List.of("2+2=4", "My corrected solution is below.\n2+2=4", "Corrected solutions differ.", "")) {
      assertNull(marker.solution(text), text);
    }
  }

  @Test
  void onlyTheUnpromisingChainWasRight() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("u[Q]a:", "+x=1$", "-y=7$")
        .after("u[Q]a[+x=1]u[again]a:", "+w=5$", "-v=6$");
    ProblemResult result = solve(policy, null, STAGES);
    assertEquals(List.of(Reason.ONLY_MIN_RIGHT, Reason.NOT_CORRECTED, Reason.NOT_APPLICABLE), reasons(result));
    assertEquals(Reason.NOT_CORRECTED, result.reason());
    ProblemResult any = solve(policy, null, STAGES.withPairing(StageSettings.Pairing.ANY));
    assertEquals("-y=7", any.stages().getFirst().pairs().getFirst().chosen());
    assertEquals("+x=1", any.stages().getFirst().pairs().getFirst().rejected());
  }

  @Test
  void theSmallModelFindsAWrongSolutionWithTwiceTheBudget() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("u[Q]a:", "+x=7$", "-y=7$");
    ScriptedPolicy small = new ScriptedPolicy().after("u[Q]a:", "+p=7$", "q=3$", "r=4$", "-s=5$");
    ProblemResult result = solve(policy, small, STAGES);
    assertEquals(4, small.generated());
    PreferencePair pair = result.stages().get(2).pairs().getFirst();
    assertEquals("diversity", pair.stage());
    assertEquals("+x=7", pair.chosen());
    assertEquals("-s=5", pair.rejected());
    assertEquals(1, result.pairs());
    assertEquals(Reason.BOTH_RIGHT, result.stages().getFirst().reason());
    assertEquals(Reason.NOT_APPLICABLE, result.stages().get(1).reason());

    ScriptedPolicy good = new ScriptedPolicy().after("u[Q]a:", "+p=7$", "q=7$", "r=7$", "-s=7$");
    assertEquals(Reason.NO_WRONG_FOUND, solve(policy, good, STAGES).reason());
    assertEquals(Reason.NO_SMALL_MODEL, solve(policy, null, STAGES).reason());
    assertEquals(Reason.BOTH_RIGHT, solve(policy, null, STAGES.withCorrection(false).withDiversity(false)).reason());
  }

  /** A model whose tokens are other numbers for the same text. */
  private record Shifted(ScriptedPolicy inner, int by) implements Policy {
    private static int[] shift(int[] tokens, int by) {
      return java.util.Arrays.stream(tokens).map(t -> t + by).toArray();
    }

    @Override
    public List<Generation> generate(TokenPath path, List<Request> requests) {
      return inner.generate(TokenPath.root(shift(path.toArray(), -by)), requests).stream()
          .map(g -> new Generation(shift(g.tokens(), by), g.logProbs(), g.text(), g.finish())).toList();
    }

    @Override
    public int[] tokenize(String text, boolean start) {
      return shift(inner.tokenize(text, start), by);
    }

    @Override
    public String detokenize(int[] tokens) {
      return inner.detokenize(shift(tokens, -by));
    }

    @Override
    public String render(List<Message> messages) {
      return inner.render(messages);
    }
  }

  @Test
  void theSmallModelMayHaveAnotherVocabulary() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("u[Q]a:", "+x=7$", "-y=7$");
    Shifted small = new Shifted(new ScriptedPolicy().after("u[Q]a:", "+p=7$", "q=3$", "r=4$", "-s=5$"), 5000);
    ProblemResult result = solve(
        policy, Optional.of(small), BY_SIGN, SolverOptions.of(SEVEN, SEARCH, STAGES, 1), new MemoryLog());
    PreferencePair pair = result.stages().get(2).pairs().getFirst();
    assertEquals("-s=5", pair.rejected());
    assertEquals(0, pair.rejectedTokens().length, "its tokens mean nothing to the policy");
    assertArrayEquals("+x=7\0".chars().toArray(), pair.chosenTokens());
  }

  @Test
  void truncationsAreNoAnswers() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("u[Q]a:", "+x=7$", "-y=2~");
    ProblemResult result = solve(policy, null, STAGES);
    assertEquals(List.of(Reason.IDENTICAL, Reason.NOT_APPLICABLE, Reason.NO_SMALL_MODEL), reasons(result));
    ScriptedPolicy all = new ScriptedPolicy().after("u[Q]a:", "+x=7~", "-y=2~");
    assertEquals(Reason.TRUNCATED, solve(all, null, STAGES).reason());
    StageSettings lenient = new StageSettings(PROMPTS, false, false, 2, StageSettings.Pairing.CHAINS, 4, 2, true, true);
    assertEquals("-y=2", solve(policy, null, lenient).stages().getFirst().pairs().getFirst().rejected());
  }

  @Test
  void aPromptThatLeavesNoRoomIsNamed() throws InterruptedException {
    ProblemResult result = solve(new ScriptedPolicy().after("u[Q]a:", "~"), null, STAGES);
    assertEquals(Reason.PROMPT_TOO_LONG, result.reason());
  }

  @Test
  void oneSolutionOnly() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("u[Q]a:", "x=1$")
        .after("u[Q]a[x=1]u[again]a:", "x=1$");
    ProblemResult result = solve(policy, null, STAGES);
    assertEquals(Reason.IDENTICAL, result.stages().getFirst().reason());
    assertEquals(Reason.NOT_CORRECTED, result.reason());
    assertEquals(1, result.stages().get(1).attempts().size(), "the one wrong solution is corrected once");
  }

  @Test
  void whiteSpaceAtTheEndIsTakenOff() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("u[Q]a:", "+a=7\n", "-b=2 $")
        .after("u[Q]a:+a=7\n", "$");
    ProblemResult result = solve(policy, null, STAGES.withCorrection(false).withDiversity(false));
    PreferencePair pair = result.stages().getFirst().pairs().getFirst();
    assertEquals("+a=7", pair.chosen());
    assertEquals("-b=2", pair.rejected());
    assertArrayEquals("+a=7\0".chars().toArray(), pair.chosenTokens());
    assertArrayEquals("-b=2\0".chars().toArray(), pair.rejectedTokens());
  }

  @Test
  void moreSimulationsMakeMorePairsUpToTheCap() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("u[Q]a:", "+a\n", "-b\n")
        .after("u[Q]a:+a\n", "+c=7$", "-d\n")
        .after("u[Q]a:+a\n-d\n", "+e=7$", "-f=1$")
        .after("u[Q]a:-b\n", "+g=7$", "-h=2$");
    ProblemResult result = solve(policy, null, STAGES.withCorrection(false).withDiversity(false), SEARCH.withSimulations(3));
    List<PreferencePair> pairs = result.stages().getFirst().pairs();
    // Simulation 1: +a+c against -b-h; 2: +a-d+e against +a-d-f; 3: -b is expanded, its S_max is the root's second.
    assertEquals(
        List.of("+a\n-d\n+e=7", "+a\n+c=7"),
        pairs.subList(0, 2).stream().map(PreferencePair::chosen).toList());
    assertEquals(
        List.of("+a\n-d\n-f=1", "-b\n-h=2"), pairs.subList(0, 2).stream().map(PreferencePair::rejected).toList());
    assertTrue(pairs.size() <= 4);
    assertEquals(pairs.size(), pairs.stream().map(p -> p.chosen() + p.rejected()).distinct().count());
  }

  @Test
  void whatTheLogKnowsIsNotDoneAgain() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("u[Q]a:", "+x=1$", "-y=2$")
        .after("u[Q]a[+x=1]u[again]a:", "+z=7$", "-bad=1$")
        .after("u[Q]a[-y=2]u[again]a:", "+w=5$", "-v=7$");
    RunLog log = new MemoryLog();
    SolverOptions options = SolverOptions.of(SEVEN, SEARCH, STAGES, 1);
    ProblemResult first = solve(policy, Optional.empty(), BY_SIGN, options, log);
    int generated = policy.generated();
    assertEquals(first, solve(policy, Optional.empty(), BY_SIGN, options, log));
    assertEquals(generated, policy.generated());
  }

  @Test
  void drawnTokensAreCountedByWhatTheyWereFor() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("u[Q]a:", "+x=1$", "-y=2$");
    List<Long> heard = new ArrayList<>();
    PrmFactory rolling = metered -> (problem, path, key, steps) -> {
      metered.generate(path, List.of(new Policy.Request(key, SEARCH.sampling(), StopRule.never())));
      return BY_SIGN.score(problem, path, key, steps);
    };
    Drawn drawn = new ProblemSolver(new ProblemSolver.Models(new Actor(policy, rolling), Optional.empty()),
        SolverOptions.of(SEVEN, SEARCH, STAGES.withCorrection(false).withDiversity(false), 1), new Permits(1), heard::add)
        .work(new Task.Solve(PROBLEM, Optional.empty()), records(new MemoryLog())).drawn();
    assertEquals(new Drawn(15, 0, 5, 10), drawn, "two candidates of five tokens, and a rollout of the first again");
    assertEquals(List.of(10L, 5L), heard);
  }

  /** Once a model's file has changed nothing is handed to the log any more. */
  @Test
  void aModelThatChangedIsNotRecorded() {
    ScriptedPolicy policy = new ScriptedPolicy().after("u[Q]a:", "+x=1$", "-y=2$");
    MemoryLog log = new MemoryLog();
    ProblemRecords records = new ProblemRecords(PROBLEM.id(), log, () -> {
      throw new IllegalStateException("changed");
    });
    ProblemSolver.Models models = new ProblemSolver.Models(new Actor(policy, p -> BY_SIGN), Optional.empty());
    ProblemSolver solver = new ProblemSolver(models, SolverOptions.of(SEVEN, SEARCH, STAGES, 1));
    assertThrows(IllegalStateException.class, () -> solver.work(new Task.Solve(PROBLEM, Optional.empty()), records));
    assertNull(log.find("p1", "generation", ""));
    assertThrows(IllegalStateException.class,
        () -> solver.work(new Task.LeaveOut(PROBLEM, Optional.empty(), Reason.PASS_RATE), records));
    assertNull(log.findStage("p1", Stage.GENERATION));
  }

  private static ProblemRecords records(RunLog log) {
    return new ProblemRecords(PROBLEM.id(), log, () -> {});
  }
}
