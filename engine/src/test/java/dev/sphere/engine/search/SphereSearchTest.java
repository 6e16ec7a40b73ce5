package dev.sphere.engine.search;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.TokenPath;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Trees small enough to be worked out by hand, every visit count, Q value and survivor checked. */
class SphereSearchTest {
  private static final Problem PROBLEM = new Problem("p", "q", "7");
  static final OutcomeReward SEVEN = (problem, solution) -> solution.endsWith("=7");
  private static final double EXACT = 1e-12;

  /** A process reward by the step's text. */
  private static ProcessRewardModel prm(Map<String, Double> scores) {
    return (problem, path, key, steps) -> steps.stream().mapToDouble(s -> scores.get(s.text())).toArray();
  }

  static SearchSettings settings(int e, int simulations) {
    return SearchSettings.paper().withCandidates(e).withSimulations(simulations).withSeparator("\n")
        .withBackup(Backup.ADVANTAGE);
  }

  static SearchTree search(ScriptedPolicy policy, ProcessRewardModel prm, SearchSettings settings)
      throws InterruptedException {
    TokenPath prompt = TokenPath.root(policy.tokenize("Q:", true));
    return new SphereSearch(policy, prm, SEVEN, settings, 1).search(PROBLEM, "generation", prompt, ExpansionLog.none());
  }

  /** Below a, c was visited and is not exhausted, and d never was: d is what the second simulation goes on from. */
  @Test
  void aChildThatWasNeverVisitedComesFirst() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", "a\n", "b\n")
        .after("Q:a\n", "c\n", "d\n")
        .after("Q:a\nc\n", "e=7$", "f\n")
        .after("Q:b\n", "g=1$", "h=2$")
        .after("Q:a\nd\n", "k=3$", "l=4$");
    SearchTree tree = search(policy, prm(Map.of("a\n", .9, "b\n", .1, "c\n", .9, "d\n", .2, "e=7", .9, "f\n", .3, "g=1", .2,
        "h=2", .1, "k=3", .5, "l=4", .4)), settings(2, 2));
    assertEquals(List.of("+++", "+-+"), tree.simulations().stream().map(s -> s.solMax().path()).toList());
  }

  @Test
  void twoChainsOfTheFirstSimulation() throws InterruptedException {
    // Root: a .9, b .5, c .2. Max chain: a -> d(.8) | e(.3); d ends right. Min chain: c -> f(.6) | g(.1); g ends wrong.
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", "b\n", "a\n", "c\n")
        .after("Q:a\n", "d=7$", "e=6$", "m=5$")
        .after("Q:c\n", "f=7$", "g=1$", "n=2$");
    SearchTree tree = search(
        policy,
        prm(Map.of("a\n", .9, "b\n", .5, "c\n", .2, "d=7", .8, "e=6", .3, "m=5", .5, "f=7", .6, "g=1", .1, "n=2", .4)),
        settings(3, 1));

    assertEquals("a\nd=7", tree.solMax().text());
    assertEquals("c\ng=1", tree.solMin().text());
    assertTrue(tree.solMax().step().correct());
    assertFalse(tree.solMin().step().correct());
    assertEquals("++", tree.solMax().path());
    assertEquals("--", tree.solMin().path());
    // R(d) = .8 + (.8 - .9) = .7; terminal reward .7 + 1. R(g) = .1 + (.1 - .2) = 0; terminal reward 0.
    assertEquals(.7, tree.solMax().step().reward(), EXACT);
    assertEquals(0, tree.solMin().step().reward(), EXACT);
    assertEquals(1.7, tree.solMax().q(), EXACT);
    assertEquals(0, tree.solMin().q(), EXACT);
    assertEquals(2, tree.root().visits());
    assertEquals(.85, tree.root().q(), EXACT);
    assertEquals(1, tree.root().max().visits());
    assertEquals(1.7, tree.root().max().q(), EXACT);
    assertEquals(1, tree.root().min().visits());
    assertEquals(0, tree.root().max().min().visits(), "the sibling off the chain was not visited");
    // Pruned candidates stay on record and are not expanded.
    assertEquals(3, tree.root().expansion().candidates().size());
    assertEquals("b\n", tree.root().expansion().candidates().get(0).generation().text());
    assertEquals(9, policy.generated());
    assertArrayEquals("Q:a\nd=7\0".chars().toArray(), tree.solMax().tokens().toArray());
  }

  @Test
  void moreSimulationsSelectByUct() throws InterruptedException {
    // E = 2 throughout; x.. are names of steps. Simulation 1: a -> c(right), b -> f(wrong).
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", "a\n", "b\n")
        .after("Q:a\n", "c=7$", "d\n")
        .after("Q:b\n", "e\n", "f=1$")
        .after("Q:a\nd\n", "g=7$", "h=2$")
        .after("Q:b\ne\n", "i=7$", "j=3$");
    Map<String, Double> scores = new HashMap<>(Map.of(
        "a\n", .8, "b\n", .4, "c=7", .8, "d\n", .6, "e\n", .5, "f=1", .4, "g=7", .6, "h=2", .1, "i=7", .5, "j=3", .2));
    SearchTree one = search(policy, prm(scores), settings(2, 1));
    // R(c) = .8, reward 1.8; R(f) = .4, reward .4.
    assertEquals(1.1, one.root().q(), EXACT);

    // Simulation 2: at the root UCT(a) = 1.8 + c sqrt(ln 2), UCT(b) = .4 + c sqrt(ln 2): a. Its child c is terminal, so
    // d is expanded: g right with R = .6, reward 1.6; h wrong with R = .1 - .5 = -.4.
    SearchTree two = search(policy, prm(scores), settings(2, 2));
    assertEquals(
        List.of("c=7", "g=7"),
        two.simulations().stream().map(s -> s.solMax().step().generation().text()).toList());
    assertEquals("-", one.root().min().path());
    assertEquals(4, two.root().visits());
    assertEquals((1.8 + .4 + 1.6 - .4) / 4, two.root().q(), EXACT);
    assertEquals(3, two.root().max().visits());
    assertEquals((1.8 + 1.6 - .4) / 3, two.root().max().q(), EXACT);
    assertEquals(2, two.root().max().min().visits());
    assertEquals(.6, two.root().max().min().q(), EXACT);
    assertTrue(two.root().max().exhausted());

    // Simulation 3: a is exhausted, so b -> e: i right with R = .5, reward 1.5; j wrong with R = .2 - .3 = -.1.
    // Then nothing is left: of the ten simulations asked for three are run.
    SearchTree all = search(policy, prm(scores), settings(2, 10));
    assertEquals(3, all.simulations().size());
    assertTrue(all.root().exhausted());
    assertEquals(6, all.root().visits());
    assertEquals((1.8 + .4 + 1.6 - .4 + 1.5 - .1) / 6, all.root().q(), EXACT);
    assertEquals((.4 + 1.5 - .1) / 3, all.root().min().q(), EXACT);
    assertEquals("b\ne\nj=3", all.simulations().get(2).solMin().text());
  }

  @Test
  void uctExploresTheLessVisitedChildWhenTheConstantIsHigh() throws InterruptedException {
    // As above, but a's subtree stays open: after two simulations N(a) = 3, N(b) = 1, Q(a) - Q(b) = .6.
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", "a\n", "b\n")
        .after("Q:a\n", "c=7$", "d\n")
        .after("Q:b\n", "e\n", "f=1$")
        .after("Q:a\nd\n", "g\n", "h=2$")
        .after("Q:a\nd\ng\n", "k\n", "l=7$")
        .after("Q:a\nd\ng\nk\n", "o=7$", "r=4$")
        .after("Q:b\ne\n", "i=7$", "j=3$");
    Map<String, Double> scores = new HashMap<>(Map.of(
        "a\n", .8, "b\n", .4, "c=7", .8, "d\n", .6, "e\n", .5, "f=1", .4, "g\n", .6, "h=2", .1, "i=7", .5, "j=3", .2));
    scores.putAll(Map.of("k\n", .5, "l=7", .6, "o=7", .5, "r=4", .4));
    // Third selection: UCT(a) = 1 + c sqrt(ln 4 / 3), UCT(b) = .4 + c sqrt(ln 4): they are equal at c = 1.2057. Without
    // the root it would be 0.649, without the logarithm 0.710, with ln(1 + N) 1.119, with sums for means above 5.
    SearchTree greedy = search(policy, prm(scores), settings(2, 3).withUct(1.20));
    SearchTree curious = search(policy, prm(scores), settings(2, 3).withUct(1.21));
    assertTrue(greedy.simulations().get(2).solMax().path().startsWith("+"));
    assertTrue(curious.simulations().get(2).solMax().path().startsWith("-"));
  }

  @Test
  void amongEqualsUctTakesTheFirst() throws InterruptedException {
    // Both children have one visit, R = .5 at their ends, and one right answer: only their order tells them apart.
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", "a\n", "b\n")
        .after("Q:a\n", "c=7$", "d\n")
        .after("Q:b\n", "e\n", "f=7$")
        .after("Q:a\nd\n", "g=7$", "h=2$")
        .after("Q:b\ne\n", "i=7$", "j=3$");
    Map<String, Double> scores = new HashMap<>();
    for (String step : List.of("a\n", "b\n", "c=7", "d\n", "e\n", "f=7", "g=7", "h=2", "i=7", "j=3")) {
      scores.put(step, .5);
    }
    SearchTree tree = search(policy, prm(scores), settings(2, 2));
    assertTrue(tree.simulations().get(1).solMax().path().startsWith("+"), tree.simulations().get(1).solMax().path());
  }

  @Test
  void equalCandidatesCountOnceAndAreSampledAgain() throws InterruptedException {
    // Draws 0..2 are one step; the second round's draws 3 and 4 bring one new step; the third brings the last.
    ScriptedPolicy policy =
        new ScriptedPolicy().after("Q:", "a =7$", " a  =7$", "a =7$", "a =7$", "b=7$", "c=7$");
    SearchTree tree = search(policy, prm(Map.of("a =7", .5, "b=7", .9, "c=7", .1)), settings(3, 1));
    Expansion root = tree.root().expansion();
    assertEquals(List.of(4, 1, 1), root.candidates().stream().map(Candidate::count).toList());
    assertEquals(List.of(0, 4, 5), root.candidates().stream().map(Candidate::draw).toList());
    assertEquals(6, root.draws());
    assertEquals("b=7", tree.solMax().text());
    assertEquals("c=7", tree.solMin().text());
  }

  @Test
  void aStepThatEndsIsNotTheSameAsOneThatGoesOn() throws InterruptedException {
    ScriptedPolicy policy =
        new ScriptedPolicy().after("Q:", "=7$", "=7\n").after("Q:=7\n", "b=1$", "c=2$");
    SearchTree tree = search(policy, prm(Map.of("=7", .9, "=7\n", .1, "b=1", .2, "c=2", .1)), settings(2, 1));
    assertEquals(2, tree.root().expansion().candidates().size());
    assertEquals("=7\nc=2", tree.solMin().text());
  }

  @Test
  void chainsThatNeverPartAreOneSolution() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", "a\n").after("Q:a\n", "b=7$");
    SearchTree tree = search(policy, prm(Map.of("a\n", .5, "b=7", .5)), settings(5, 3));
    assertSame(tree.solMax(), tree.solMin());
    assertEquals("++", tree.solMin().path());
    assertEquals(1, tree.root().visits(), "one solution is backed up once");
    assertEquals(5 * 1 + 4 * 3, tree.root().expansion().draws(), "one round of 5, then three of the 4 that miss");
    assertEquals(1, tree.simulations().size());
  }

  @Test
  void equalRewardsKeepTheFirstAndTheLast() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", "a=7$", "b=7$", "c=7$");
    SearchTree tree = search(policy, prm(Map.of("a=7", .5, "b=7", .5, "c=7", .5)), settings(3, 1));
    assertEquals("a=7", tree.solMax().text());
    assertEquals("c=7", tree.solMin().text());
  }

  @Test
  void advantageWeightChangesWhoSurvivesInUct() throws InterruptedException {
    ScriptedPolicy policy =
        new ScriptedPolicy().after("Q:", "a\n", "b\n").after("Q:a\n", "c=7$", "d=1$").after("Q:b\n", "e=7$", "f=1$");
    Map<String, Double> scores = Map.of("a\n", .8, "b\n", .2, "c=7", .9, "d=1", .5, "e=7", .9, "f=1", .1);
    for (double weight : new double[] {0, 1, 2.5}) {
      SearchTree tree =
          search(policy, prm(scores), settings(2, 1).withAdvantageWeight(weight).withOutcomeWeight(2));
      assertEquals(.9 + weight * (.9 - .8) + 2, tree.solMax().q(), EXACT);
      assertEquals(.1 + weight * (.1 - .2), tree.solMin().q(), EXACT);
      assertEquals(.8, tree.root().max().step().reward(), EXACT, "the first step has no advantage");
    }
  }

  @Test
  void limitsMarkTruncationsThatCannotBeRight() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", "a\n", "b=7~").after("Q:a\n", "c\n", "d=7\n");
    SearchTree tree = search(
        policy, prm(Map.of("a\n", .9, "b=7", .1, "c\n", .5, "d=7\n", .7)), settings(2, 1).withMaxDepth(2));
    Candidate cut = tree.root().expansion().candidates().getLast();
    assertTrue(cut.truncated());
    assertFalse(cut.correct(), "a step that was cut has no answer yet");
    assertEquals("a\nd=7\n", tree.solMax().text());
    assertTrue(tree.solMax().step().truncated());
    assertEquals(2, tree.solMax().depth());
    assertEquals("a\nc\n", tree.solMin().text(), "where all are cut the best and the worst of them survive");
  }

  /** The step that was cut has the highest score, and another that was cut the lowest: neither says anything of an answer. */
  @Test
  void aPathThatWasCutIsNoAnswer() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", "a\n", "b~", "c=1$", "d=7$");
    Map<String, Double> scores = Map.of("a\n", .9, "b", .1, "c=1", .2, "d=7", .8);
    SearchSettings s = settings(4, 1).withMaxDepth(1);
    SearchTree tree = search(policy, prm(scores), s);
    assertEquals(List.of("d=7", "c=1"), List.of(tree.solMax().text(), tree.solMin().text()));
    SearchTree rejectable = search(policy, prm(scores), s.withTruncatedRejected(true));
    assertEquals(List.of("d=7", "b"), List.of(rejectable.solMax().text(), rejectable.solMin().text()));
  }

  @Test
  void oneAnswerAmongCutPathsIsBothSurvivors() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", "a~", "b=1$", "c~");
    SearchTree tree = search(policy, prm(Map.of("a", .9, "b=1", .5, "c", .1)), settings(3, 1));
    assertEquals("b=1", tree.solMax().text());
    assertSame(tree.solMax(), tree.solMin());
  }

  /** The same right answer under a risky and under a safe parent: what is backed up does not favour the risky one. */
  @Test
  void whatIsBackedUp() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy()
        .after("Q:", "safe\n", "risky\n").after("Q:safe\n", "a=7$").after("Q:risky\n", "b=7$");
    Map<String, Double> scores = Map.of("safe\n", 1.0, "risky\n", .1, "a=7", 1.0, "b=7", 1.0);
    Map<Backup, List<Double>> expected = Map.of(Backup.ADVANTAGE, List.of(2.0, 2.9), Backup.SCORE, List.of(2.0, 2.0),
        Backup.MEAN, List.of(2.0, 1.55), Backup.OUTCOME, List.of(1.0, 1.0));
    for (Backup backup : Backup.values()) {
      SearchTree tree = search(policy, prm(scores), settings(2, 1).withBackup(backup));
      assertEquals(expected.get(backup).getFirst(), tree.root().max().q(), EXACT, backup.label());
      assertEquals(expected.get(backup).getLast(), tree.root().min().q(), EXACT, backup.label());
    }
  }

  @Test
  void aStatedAnswerEndsThePath() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", "so \\boxed{\\frac{7}{1}}\n", "open \\boxed{7\n")
        .after("Q:open \\boxed{7\n", "x$", "y$");
    SearchTree tree = new SphereSearch(
        policy,
        (problem, path, key, steps) -> steps.stream().mapToDouble(s -> s.text().startsWith("so") ? 1 : 0).toArray(),
        (problem, solution) -> solution.contains("\\frac{7}{1}"),
        settings(2, 1),
        1).search(PROBLEM, "generation", TokenPath.root(policy.tokenize("Q:", true)), ExpansionLog.none());
    assertTrue(tree.solMax().terminal());
    assertTrue(tree.solMax().step().correct());
    assertFalse(tree.solMax().step().truncated());
    assertEquals(2, tree.solMin().depth(), "an open brace is no answer yet");
    assertNull(tree.solMax().expansion());
  }

  @Test
  void refusesScoresOutsideTheUnitInterval() {
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", "a=7$", "b=7$");
    for (double bad : new double[] {Double.NaN, -0.1, 1.1}) {
      var failure = assertThrows(
          IllegalStateException.class, () -> search(policy, prm(Map.of("a=7", bad, "b=7", .5)), settings(2, 1)));
      assertTrue(failure.getMessage().contains("outside [0, 1]"), failure.getMessage());
    }
    assertThrows(
        IllegalStateException.class,
        () -> search(policy, (problem, path, key, steps) -> new double[] {.5}, settings(2, 1)));
  }
}
