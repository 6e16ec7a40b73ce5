package dev.sphere.engine.search;

import static dev.sphere.engine.search.SphereSearchTest.SEVEN;
import static dev.sphere.engine.search.SphereSearchTest.search;
import static dev.sphere.engine.search.SphereSearchTest.settings;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.SolutionMarker;
import dev.sphere.engine.TokenPath;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** What a search draws with, what it goes on from, and the rules that it is told. */
class SearchRulesTest {
  /** A policy and a reward that remember what they were asked with. */
  private static final class Asked {
    final List<Policy.Request> requests = new ArrayList<>();
    final List<DrawKey> scored = new ArrayList<>();

    SearchTree search(SearchSettings settings, String name, ExpansionLog log) throws InterruptedException {
      return search(settings, name, log, () -> true);
    }

    SearchTree search(SearchSettings settings, String name, ExpansionLog log, BooleanSupplier goOn)
        throws InterruptedException {
      HashPolicy policy = new HashPolicy(0.5) {
        @Override
        public List<Generation> generate(TokenPath path, List<Request> asked) {
          requests.addAll(asked);
          return super.generate(path, asked);
        }
      };
      ProcessRewardModel prm = (p, path, key, steps) -> {
        scored.add(key);
        return new double[steps.size()];
      };
      return new SphereSearch(policy, prm, SEVEN, settings, 5).search(new Problem("p", "q", "7"), name,
          TokenPath.root(policy.tokenize("u[q]a:", true)), log, goOn);
    }
  }

  @Test
  void everyNodeOfEverySearchHasItsOwnDraws() throws InterruptedException {
    SearchSettings settings = settings(3, 2).withSampling(SamplingSettings.temperature(0.7f, 33));
    Asked first = new Asked();
    first.search(settings, "generation", ExpansionLog.none());
    for (Policy.Request r : first.requests) {
      assertEquals(settings.sampling(), r.sampling());
      assertEquals(5, r.key().seed());
      assertEquals(SplitMix.hash("p"), r.key().problem());
    }
    assertEquals(List.of(0, 1, 2), first.requests.subList(0, 3).stream().map(r -> r.key().draw()).toList());
    assertEquals(first.requests.size(), first.requests.stream().map(Policy.Request::key).distinct().count());
    Set<Long> nodes = new HashSet<>(first.requests.stream().map(r -> r.key().node()).toList());
    assertEquals(first.scored.size(), nodes.size(), "a node of the tree, a name for its draws");
    assertTrue(first.scored.stream().map(DrawKey::node).noneMatch(nodes::contains), "the reward has draws of its own");
    assertEquals(nodes.size(), first.scored.stream().map(DrawKey::node).distinct().count());
    assertEquals(SplitMix.hash("generation/"), first.requests.getFirst().key().node());
    Asked again = new Asked();
    again.search(settings, "correction", ExpansionLog.none());
    assertTrue(again.requests.stream().noneMatch(r -> nodes.contains(r.key().node())));
  }

  @Test
  void afterTheFirstSimulationTheCallerMayStop() throws InterruptedException {
    for (int allowed = 0; allowed < 3; allowed++) {
      int[] left = {allowed};
      SearchTree tree = new Asked().search(settings(3, 9), "n", ExpansionLog.none(), () -> left[0]-- > 0);
      assertEquals(1 + allowed, tree.simulations().size());
    }
  }

  @Test
  void aTreeThatIsKnownIsNotGrownAgain() throws InterruptedException {
    Map<String, Expansion> kept = new LinkedHashMap<>();
    ExpansionLog log = new ExpansionLog() {
      @Override
      public Expansion find(String problemId, String search, String path) {
        return kept.get(problemId + search + path);
      }

      @Override
      public void append(Expansion e) {
        assertNull(kept.put(e.problemId() + e.search() + e.path(), e), "an expansion is kept once");
      }
    };
    Asked first = new Asked();
    SearchTree tree = first.search(settings(2, 3), "n", log);
    assertEquals(first.scored.size(), kept.size());
    Asked again = new Asked();
    SearchTree same = again.search(settings(2, 3), "n", log);
    assertEquals(0, again.requests.size());
    assertEquals(tree.simulations().stream().map(s -> s.solMax().text() + s.solMin().text()).toList(),
        same.simulations().stream().map(s -> s.solMax().text() + s.solMin().text()).toList());
    assertEquals(tree.root().q(), same.root().q());
  }

  /** The keys are part of what a seed means: another hash would be another run. Reference values by other hands. */
  @Test
  void keysAreFnvAndSplitMix() {
    assertEquals(0xe220a8397b1dcdafL, SplitMix.mix(0x9e3779b97f4a7c15L), "SplitMix64's first number of seed 0");
    assertEquals(SplitMix.mix(0xcbf29ce484222325L), SplitMix.hash(""), "FNV-1a's basis");
    assertEquals(SplitMix.mix(0xaf63dc4c8601ec8cL * 0x100000001b3L), SplitMix.hash("a"), "FNV-1a of the bytes 61 00");
    assertEquals(SplitMix.mix((0xaf63dc4c8601ec8cL ^ 1) * 0x100000001b3L), SplitMix.hash("\u0161"), "of the bytes 61 01");
  }

  @Test
  void answersAreSeenWhereTheyStand() {
    for (String yes : List.of("\\boxed{7}", "so \\boxed {7}.", "\\fbox{7}", "\\boxed{\\frac{1}{2}}", "x\n#### 7",
        "#### 7",
        "  ####7", "\\boxed{\\{1, 2\\}}", "\\boxed{1 \\boxed{2}", "\\boxed{\\}}")) {
      assertTrue(FinalAnswer.in(yes), yes);
    }
    for (String no : List.of("", "7", "\\boxed", "\\boxed ", "\\boxed{7", "\\boxed{\\frac{1}{2}", "####", "####  ",
        "a #### 7",
        "\\boxed{\\}", "\\boxed 7}", "boxed{7}")) {
      assertFalse(FinalAnswer.in(no), no);
    }
    assertTrue(FinalAnswer.stop(SolutionMarker.NONE, "").stop("\\boxed{7}", 8));
    assertTrue(FinalAnswer.stop(SolutionMarker.NONE, "").stop("a\n#### 7\n", 8));
    assertFalse(FinalAnswer.stop(SolutionMarker.NONE, "").stop("a\n#### 7", 7), "the line may go on");
    assertFalse(FinalAnswer.stop(SolutionMarker.NONE, "").stop("\\boxed{7} and", 9), "what came before was seen before");
    assertFalse(FinalAnswer.stop(SolutionMarker.NONE, "").stop("{7}\n", 2));
  }

  @Test
  void settingsThatMeanNothingAreRefused() {
    SearchSettings s = SearchSettings.paper();
    assertEquals(0, s.withUct(0).uct());
    assertEquals(1, s.withMaxDepth(1).withSimulations(1).withCandidates(2).maxDepth());
    List<org.junit.jupiter.api.function.Executable> bad = List.of(() -> s.withCandidates(1), () -> s.withMaxDepth(0),
        () -> s.withSimulations(0), () -> s.withUct(-0.1), () -> s.withUct(Double.NaN), () -> s.withSeparator(""),
        () -> weights(-0.1, 1, 0), () -> weights(Double.NaN, 1, 0), () -> weights(1, Double.POSITIVE_INFINITY, 0),
        () -> weights(1, 1, -1));
    bad.forEach(b -> assertThrows(IllegalArgumentException.class, b));
    assertEquals(-3, weights(0, -3, 0).outcomeWeight());
    SearchSettings with = s.withSampling(SamplingSettings.greedy(7));
    assertEquals(SamplingSettings.greedy(7), with.sampling());
    assertEquals(s, with.withSampling(s.sampling()));
  }

  private static SearchSettings weights(double advantage, double outcome, int rounds) {
    return SearchSettings.paper().withAdvantageWeight(advantage).withOutcomeWeight(outcome).withResampleRounds(rounds);
  }

  @Test
  void distinctDecidesWhatCountsAsTheSameStep() throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("Q:", "a b=7$", "a  b=7$", "A b= 7.$", "a b=7$");
    Map<Distinct, Integer> found = new EnumMap<>(Distinct.class);
    for (Distinct d : Distinct.values()) {
      SearchTree tree = search(policy, (p, path, key, steps) -> new double[steps.size()],
          SearchSettings.paper().withCandidates(4).withMaxDepth(9).withSeparator("\n").withResampleRounds(0).withDistinct(d));
      found.put(d, tree.root().expansion().candidates().size());
    }
    assertEquals(Map.of(Distinct.EXACT, 3, Distinct.WHITESPACE, 2, Distinct.LOOSE, 1), found);
    assertEquals("a b", Distinct.WHITESPACE.normalise(" a \n b "));
    assertEquals(" a", Distinct.EXACT.normalise(" a"));
  }
}
