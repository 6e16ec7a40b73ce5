package dev.sphere.engine.search;

import static dev.sphere.engine.search.SphereSearchTest.settings;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.reward.RandomPrm;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A search that uses free places, or draws ahead, finds what one finds that does one thing after the other. */
class PermitsTest {
  /** Of work that enters and leaves, how much was there at once. */
  private static int atOnce(Permits room, int pieces) throws InterruptedException {
    AtomicInteger now = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    List<Callable<Integer>> work = new ArrayList<>();
    for (int i = 0; i < pieces; i++) {
      int piece = i;
      work.add(() -> {
        most.accumulateAndGet(now.incrementAndGet(), Math::max);
        Thread.sleep(20);
        now.decrementAndGet();
        return piece;
      });
    }
    List<Integer> results = room.all(work);
    for (int i = 0; i < pieces; i++) {
      assertEquals(i, results.get(i));
    }
    return most.get();
  }

  @Test
  void independentWorkTakesFreePlacesAndGivesThemBack() throws InterruptedException {
    Permits one = new Permits(1);
    one.enter();
    assertEquals(1, atOnce(one, 3));
    Permits four = new Permits(4);
    four.enter();
    assertTrue(atOnce(four, 9) <= 4);
    four.enter();
    four.enter();
    assertTrue(atOnce(four, 9) <= 2, "three problems and one more place");
    four.enter();
    four.enter();
    assertEquals(1, atOnce(four, 2), "more problems than places");
    assertThrows(IllegalStateException.class, () -> four.all(List.of(() -> {
      throw new IllegalStateException("no");
    }, () -> 1)));
    for (int i = 0; i < 5; i++) {
      four.leave();
    }
    four.enter();
    // Four pieces that wait for each other: what failed and what is over has given its place back.
    CyclicBarrier all = new CyclicBarrier(4);
    Callable<Integer> meets = () -> all.await(20, TimeUnit.SECONDS);
    assertEquals(4, four.all(Collections.nCopies(4, meets)).size());
    assertEquals(List.of(), four.all(List.of()));
  }

  /** Tells how often it was asked, and with how many requests. */
  private static final class Counted extends HashPolicy {
    private final List<Integer> calls = Collections.synchronizedList(new ArrayList<>());
    private final boolean terse;

    Counted(boolean terse) {
      super(0.5);
      this.terse = terse;
    }

    @Override
    public List<Generation> generate(TokenPath path, List<Policy.Request> requests) {
      calls.add(requests.size());
      List<Generation> drawn = super.generate(path, requests);
      // One that often repeats itself: four in five draws of a node are the same.
      return !terse ? drawn : drawn.stream().map(g -> requests.get(drawn.indexOf(g)).key().draw() % 5 == 4 ? g
          : super.generate(path, List.of(same(requests.getFirst()))).getFirst()).toList();
    }

    private static Policy.Request same(Policy.Request r) {
      return new Policy.Request(new DrawKey(r.key().seed(), r.key().problem(), r.key().node(), 0), r.sampling(), r.stop());
    }
  }

  private record Found(SearchTree tree, Map<String, String> expansions, List<Integer> calls) {}

  private static Found grow(String id, boolean terse, int places, Map<String, Expansion> known) throws InterruptedException {
    Counted policy = new Counted(terse);
    Map<String, Expansion> kept = new ConcurrentHashMap<>(known);
    ExpansionLog log = new ExpansionLog() {
      @Override
      public Expansion find(String problemId, String search, String path) {
        return kept.get(path);
      }

      @Override
      public void append(Expansion e) {
        assertNull(kept.put(e.path(), e), "kept once");
      }
    };
    ProcessRewardModel prm = new RandomPrm();
    SearchSettings settings = settings(5, 3);
    SphereSearch search = places == 0 ? new SphereSearch(policy, prm, HashPolicy.outcome(), settings, 3)
        : new SphereSearch(policy, prm, HashPolicy.outcome(), settings, 3, new Permits(places));
    SearchTree tree = search.search(new Problem(id, "q", "7"), "generation", TokenPath.root(policy.tokenize("u[q]a:", true)), log);
    Map<String, String> expansions = new TreeMap<>();
    kept.forEach((path, e) -> expansions.put(path, e.max() + " " + e.min() + " " + e.draws() + " "
        + e.candidates().stream().map(c -> c.draw() + "x" + c.count() + c.generation().text() + c.prm()).toList()));
    return new Found(tree, expansions, policy.calls);
  }

  private static int draws(Found found) {
    return found.calls.stream().mapToInt(c -> c).sum();
  }

  private static List<String> ends(SearchTree tree) {
    return tree.simulations().stream().map(s -> s.solMax().path() + " " + s.solMax().q() + " " + s.solMin().path()).toList();
  }

  @Test
  void aTreeIsTheSameSideBySideAndDrawnAhead() throws InterruptedException {
    int saved = 0;
    for (boolean terse : new boolean[] {false, true}) {
      for (int i = 0; i < 20; i++) {
        Found plain = grow("p" + i, terse, 0, Map.of());
        for (int places : new int[] {1, 2}) {
          Found other = grow("p" + i, terse, places, Map.of());
          assertEquals(plain.expansions, other.expansions);
          assertEquals(ends(plain.tree), ends(other.tree));
          saved += terse ? plain.calls.size() - other.calls.size() : 0;
          assertTrue(draws(other) >= draws(plain), "what no round came to was drawn too");
        }
      }
    }
    assertTrue(saved > 40, "calls saved: " + saved);
  }

  /** Both chains wait for each other once: one after the other they would wait for ever. */
  @Test
  void bothChainsGrowAtTheSameTime() throws InterruptedException {
    CyclicBarrier both = new CyclicBarrier(2);
    HashPolicy policy = new HashPolicy(0.5);
    ProcessRewardModel prm = (problem, path, key, steps) -> {
      if (path.parent() != null && path.parent().parent() == null) {
        try {
          both.await(20, TimeUnit.SECONDS);
        } catch (BrokenBarrierException | TimeoutException e) {
          throw new IllegalStateException(e);
        }
      }
      double[] scores = new double[steps.size()];
      scores[0] = 1;
      return scores;
    };
    SearchTree tree = new SphereSearch(policy, prm, HashPolicy.outcome(), settings(3, 1), 3, new Permits(2))
        .search(new Problem("p", "q", "7"), "generation", TokenPath.root(policy.tokenize("u[q]a:", true)), ExpansionLog.none());
    assertTrue(tree.root().max().expanded() && tree.root().min().expanded(), "both chains have a second step");
  }

  @Test
  void aTreeCutAnywhereGoesOnSideBySide() throws InterruptedException {
    Found whole = grow("p1", true, 2, Map.of());
    Map<String, Expansion> all = new TreeMap<>();
    collect(whole.tree.root(), all);
    for (String left : all.keySet()) {
      Map<String, Expansion> rest = new TreeMap<>(all);
      rest.keySet().removeIf(path -> path.startsWith(left));
      Found again = grow("p1", true, 2, rest);
      assertEquals(whole.expansions, again.expansions);
      assertEquals(ends(whole.tree), ends(again.tree));
    }
  }

  private static void collect(SearchNode node, Map<String, Expansion> all) {
    if (node.expanded()) {
      all.put(node.path(), node.expansion());
      node.children().forEach(child -> collect(child, all));
    }
  }
}
