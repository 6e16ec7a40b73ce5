package dev.sphere.engine.probe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Generation.Finish;
import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.probe.ProbeSettings.Order;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.search.SearchSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a probe draws, which problems it chooses, and what it says of a policy. */
class ProbeTest {
  private static final Problem PROBLEM = new Problem("p", "Q", "7");

  private static ProbeSettings settings(int draws, String range, Order order, int take) {
    return new ProbeSettings(draws, range, order, take, true);
  }

  /** A problem of whose draws so many are solved. */
  private static Probed probed(String id, int solved, int draws) {
    return new Probed(id, IntStream.range(0, draws).mapToObj(k -> new Probed.Draw(
        "so\nThe answer is " + (k < solved ? 7 : 8), new int[10], Finish.END, k < solved, k < solved, 2, false)).toList());
  }

  /** Eight problems, named by their solved draws of four. */
  private static List<Probed> eight() {
    List<Probed> all = new ArrayList<>();
    for (String id : List.of("1a", "3a", "0a", "4a", "2a", "1b", "3b", "1c")) {
      all.add(probed(id, id.charAt(0) - '0', 4));
    }
    return all;
  }

  @Test
  void thePassRateBoundsBothEnds() {
    ProbeSettings.Selection s = settings(4, "0.25..0.75", Order.FILE, 0).select(eight(), 1);
    assertEquals(List.of("1a", "3a", "2a", "1b", "3b", "1c"), s.taken());
    assertEquals(Set.of("0a"), s.below());
    assertEquals(Set.of("4a"), s.above());
    assertEquals(Set.of(), s.surplus());
    assertEquals(s, settings(4, "0.01..0.99", Order.FILE, 0).select(eight(), 1), "at least once and not always");
    assertEquals(8, settings(4, "0..1", Order.FILE, 0).select(eight(), 1).taken().size());
    assertEquals(List.of("2a"), settings(4, "0.5..0.5", Order.FILE, 0).select(eight(), 1).taken());
  }

  /** The default: solved at least once with up to 20 draws, and not always. */
  @Test
  void theDefaultTakesWhatIsSolvedOnce() {
    for (int n = 2; n <= 20; n++) {
      ProbeSettings usual = ProbeSettings.of(n);
      List<Probed> all = List.of(probed("never", 0, n), probed("once", 1, n), probed("always", n, n));
      assertEquals(List.of("once"), usual.select(all, 1).taken(), n + " draws");
    }
    assertFalse(ProbeSettings.none().on());
    assertTrue(ProbeSettings.of(1).on());
  }

  @Test
  void easiestComesFirstAndEqualsAsTheyCame() {
    ProbeSettings.Selection s = settings(4, "0.05..0.8", Order.EASIEST, 4).select(eight(), 1);
    assertEquals(List.of("3a", "3b", "2a", "1a"), s.taken());
    assertEquals(Set.of("1b", "1c"), s.surplus());
  }

  @Test
  void mixedTakesOneOfEachPassRateInTurnByTheSeed() {
    ProbeSettings mixed = settings(4, "0.05..0.8", Order.MIXED, 0);
    List<String> first = mixed.select(eight(), 1).taken();
    assertEquals(List.of('3', '2', '1', '3', '1', '1'), first.stream().map(id -> id.charAt(0)).toList());
    assertEquals(first, mixed.select(eight(), 1).taken());
    Set<List<String>> orders = new java.util.HashSet<>();
    for (int seed = 0; seed < 20; seed++) {
      orders.add(mixed.select(eight(), seed).taken());
    }
    assertTrue(orders.size() > 5, "the seed draws among equals: " + orders.size());
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.5", "0.8..0.2", "-0.1..0.5", "0.2..1.1", "a..b", "..", "0.1...0.2", "NaN..1", "20..80", ""})
  void otherRangesAreRefusedByName(String range) {
    String message = assertThrows(IllegalArgumentException.class,
        () -> settings(4, range, Order.FILE, 0)).getMessage();
    assertTrue(message.contains("LOW..HIGH") && message.contains("'" + range + "'"), message);
    assertThrows(IllegalArgumentException.class, () -> new ProbeSettings.PassRate().apply(range));
  }

  private static Probed draw(boolean guesses, SearchSettings search, String... answers) throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", answers);
    return new Prober(policy, new GradedAnswers(), search, SamplingSettings.temperature(0.8f, 100), guesses, answers.length, 1)
        .draw(PROBLEM, TokenPath.root(policy.tokenize("Q:", true)));
  }

  @Test
  void solutionsAreGradedAndOnlyStatedAnswersAreSolved() throws InterruptedException {
    SearchSettings search = SearchSettings.paper().withSeparator("\n");
    String[] answers = {"3+4\nThe answer is 7$", "3+5\nThe answer is 8$", "We bought 7 of them in all, it was nice$",
        "The answer is 7~", "So \\boxed{7}"};
    Probed probed = draw(false, search, answers);
    assertEquals(List.of(true, false, true, false, true), probed.draws().stream().map(Probed.Draw::correct).toList());
    assertEquals(List.of(true, false, false, false, true), probed.draws().stream().map(Probed.Draw::solved).toList());
    assertEquals(List.of(true, true, true, false, true), probed.draws().stream().map(Probed.Draw::ended).toList());
    assertEquals(List.of(2, 2, 1, 1, 1), probed.draws().stream().map(Probed.Draw::steps).toList());
    assertEquals(0.4, probed.passRate());
    assertEquals(0.6, draw(true, search, answers).passRate(), "guesses count where they may make pairs");
    assertEquals(answers[0].length(), probed.draws().getFirst().tokens().length, "with the end token");
    assertFalse(probed.draws().stream().anyMatch(Probed.Draw::overlong));
    Probed shortSteps = draw(false, search.withSampling(SamplingSettings.temperature(0.8f, 20)), answers);
    assertEquals(List.of(false, false, true, false, false), shortSteps.draws().stream().map(Probed.Draw::overlong).toList(),
        "of the second step alone has more than 20 tokens");
  }

  /** Every token of this policy is a function of the key, as a real model's is. */
  @Test
  void theSeedAndTheProblemDecideWhatIsDrawn() throws InterruptedException {
    assertEquals(hashed(1, "p"), hashed(1, "p"));
    assertNotEquals(hashed(1, "p"), hashed(2, "p"), "another seed draws anew");
    assertNotEquals(hashed(1, "p"), hashed(1, "q"));
    assertEquals(8, hashed(1, "p").stream().distinct().count(), "every draw is another one");
  }

  private static List<String> hashed(long seed, String problem) throws InterruptedException {
    HashPolicy policy = new HashPolicy(0.5);
    return new Prober(policy, HashPolicy.outcome(), SearchSettings.paper(), SamplingSettings.temperature(0.8f, 200),
        true, 8, seed)
        .draw(new Problem(problem, "Q", "7"), TokenPath.root(policy.tokenize("a:", true)))
        .draws().stream().map(Probed.Draw::text).toList();
  }

  @Test
  void stepsAreCutWhereTheSearchCutsThem() {
    assertEquals(List.of("a\n\n", "b"), Prober.steps("a\n\nb", "\n\n"));
    assertEquals(List.of("\n\na\n\n", "b\n\n"), Prober.steps("\n\na\n\nb\n\n", "\n\n"), "no step is blank");
    assertEquals(List.of(), Prober.steps(" \n", "\n"));
  }

  private static Probed.Draw odd(String text, Finish finish, boolean correct, boolean solved, int steps, boolean overlong) {
    return new Probed.Draw(text, new int[64], finish, correct, solved, steps, overlong);
  }

  private static String notes(Probed.Draw a, Probed.Draw b) {
    return notes("0.05..0.8", a, b);
  }

  private static String notes(String range, Probed.Draw a, Probed.Draw b) {
    return String.join("\n", report(settings(2, range, Order.FILE, 0), List.of(new Probed("p", List.of(a, b)))).notes());
  }

  @Test
  void whatIsWrongIsSaidWithTheSettingToChange() {
    Probed.Draw right = odd("The answer is 7", Finish.END, true, true, 2, false);
    Probed.Draw wrong = odd("The answer is 8", Finish.END, false, false, 2, false);
    assertEquals("", notes(right, wrong), "all is well");
    String cut = notes(odd("and", Finish.LENGTH, false, false, 2, false), odd("and", Finish.LENGTH, false, false, 2, false));
    assertTrue(cut.contains("only 0 % of the draws come to an end within 64 tokens: raise --max-tokens"), cut);
    assertTrue(cut.contains("--chat-template") && cut.contains("not one problem was solved in 2 draws"), cut);
    assertFalse(cut.contains("state"), "of no complete draw nothing is said: " + cut);
    String silent = notes(odd("it was 8 then I think and so on", Finish.END, false, false, 2, false),
        odd("it was 7 then I think and so on", Finish.END, true, false, 2, false));
    assertTrue(silent.contains("only 0 % of the complete draws state their answer") && silent.contains("50 % are right by a guess")
        && silent.contains("--few-shot") && silent.contains("--guessed-answers"), silent);
    String single = notes(odd("The answer is 7", Finish.END, true, true, 1, false), odd("The answer is 8", Finish.END, false, false, 1, false));
    assertTrue(single.contains("100 % of the complete draws are one step") && single.contains("--separator"), single);
    String longSteps = notes(odd("The answer is 7", Finish.END, true, true, 2, true), wrong);
    assertTrue(longSteps.contains("50 % of the draws have a step") && longSteps.contains("--max-step-tokens"), longSteps);
    String all = notes(right, right);
    assertTrue(all.contains("nothing to learn") && all.contains("--temperature"), all);
    String none = notes("0.8..0.9", right, wrong);
    assertTrue(none.contains("no problem has a pass rate of 0.8..0.9 (1 below, 0 above): change --pass-rate"), none);
  }

  private static ProbeReport report(ProbeSettings settings, List<Probed> probed) {
    return ProbeReport.of(settings, probed, settings.select(probed, 1));
  }

  @Test
  void theFiguresAddUp() {
    ProbeReport r = report(settings(4, "0.3..0.8", Order.EASIEST, 2), eight());
    assertEquals(15.0 / 32, r.passRate());
    assertEquals(java.util.Map.of(0, 1, 1, 3, 2, 1, 3, 2, 4, 1), r.rates());
    assertEquals(List.of(2, 4, 1, 1), List.of(r.taken(), r.below(), r.above(), r.surplus()));
    assertEquals(320, r.tokens());
    assertEquals(10, r.tokensPerSolution());
    assertEquals(List.of(1, 1), List.of(r.never(), r.always()));
    assertEquals(List.of(1.0, 1.0, 0.0, 0.0, 0.0), List.of(r.ended(), r.stated(), r.guessed(), r.single(), r.overlong()));
    assertTrue(r.lines().getFirst().contains("8 problems, 4 draws each, 46.9 % of the draws right; solved never 1, sometimes 6, always 1"),
        r.lines().toString());
    assertTrue(r.lines().getLast().endsWith("of 4: 0: 1, 1: 3, 2: 1, 3: 2, 4: 1"), r.lines().toString());
    assertEquals(2, r.toMap().get("taken"));
    ProbeReport nothing = report(settings(4, "0.3..0.8", Order.EASIEST, 2), List.of());
    assertFalse(nothing.toMap().containsKey("pass_rate"), "no NaN in JSON");
    assertNotEquals(List.of(), nothing.lines());
    assertEquals(List.of(), nothing.notes());
  }
}
