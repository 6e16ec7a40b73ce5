package dev.sphere.engine.search;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;

/**
 * The paper's pruned Monte Carlo tree search (SPHERE, arXiv 2503.04813), in the order in which it runs.
 *
 * <p>A simulation selects a node by UCT, expands it, and follows two chains down to their ends: Sol_max takes S_max at
 * every expansion, Sol_min takes S_min. The first simulation starts at the root and is what the paper does. Every
 * expansion samples E distinct candidate steps, scores them, and prunes all but the two. Terminal nodes earn the
 * outcome reward, which is backed up to the root.
 *
 * <p>What a search finds is a pure function of policy, reward models, settings, seed, problem and prompt. It blocks its
 * thread in plain calls; run one (virtual) thread a problem to keep the policy's batch full.
 */
public final class SphereSearch {
  private final Policy policy;
  private final ProcessRewardModel prm;
  private final OutcomeReward outcome;
  private final SearchSettings settings;
  private final long seed;
  private final StopRule endOfStep;
  private final Permits room;
  private final boolean drawsAhead;

  /**
   * A search that draws only candidates that it needs, one chain after the other: its tokens can be charged to a
   * budget.
   */
  public SphereSearch(
      Policy policy, ProcessRewardModel prm, OutcomeReward outcome, SearchSettings settings, long seed) {
    this(policy, prm, outcome, settings, seed, new Permits(1), false);
  }

  /**
   * A search that finds the same tree sooner. An expansion draws as many candidates at once as its parent's needed in
   * all its rounds: where a policy often repeats itself, that saves waiting for one round after the other.
   *
   * @param room where it has places, the two chains of a problem grow side by side, and {@link ExpansionLog} is called
   *     from two threads at once
   */
  public SphereSearch(Policy policy, ProcessRewardModel prm, OutcomeReward outcome, SearchSettings settings, long seed,
      Permits room) {
    this(policy, prm, outcome, settings, seed, room, true);
  }

  private SphereSearch(Policy policy, ProcessRewardModel prm, OutcomeReward outcome, SearchSettings settings, long seed,
      Permits room, boolean drawsAhead) {
    this.policy = Objects.requireNonNull(policy, "policy");
    this.prm = Objects.requireNonNull(prm, "prm");
    this.outcome = Objects.requireNonNull(outcome, "outcome");
    this.settings = Objects.requireNonNull(settings, "settings");
    this.seed = seed;
    this.endOfStep = StopRule.afterStep(settings.separator());
    this.room = room;
    this.drawsAhead = drawsAhead;
  }

  /**
   * Searches one problem.
   *
   * @param problem the problem with its known answer
   * @param name of this search within the problem, such as {@code generation}: part of the random numbers' key
   * @param prompt the prompt's tokens
   * @param log where the growing tree is kept; what it already knows is not sampled again
   */
  public SearchTree search(Problem problem, String name, TokenPath prompt, ExpansionLog log)
      throws InterruptedException {
    return search(problem, name, prompt, log, () -> true);
  }

  /** Searches one problem; every simulation after the first begins only if {@code goOn} is true. */
  public SearchTree search(Problem problem, String name, TokenPath prompt, ExpansionLog log, BooleanSupplier goOn)
      throws InterruptedException {
    SearchTree tree = new SearchTree(problem, name, prompt);
    for (int n = 0; n < settings.simulations() && !tree.root().exhausted() && (n == 0 || goOn.getAsBoolean()); n++) {
      SearchTree.Simulation found = simulate(tree, select(tree.root()), log);
      backUp(found.solMax());
      if (found.solMin() != found.solMax()) {
        backUp(found.solMin());
      }
      tree.add(found);
    }
    return tree;
  }

  /**
   * The two chains share their steps up to the first node with two survivors. From there on neither needs the other.
   */
  private SearchTree.Simulation simulate(SearchTree tree, SearchNode leaf, ExpansionLog log)
      throws InterruptedException {
    SearchNode node = leaf;
    while (!node.terminal()) {
      expand(tree, node, log);
      if (node.max() != node.min()) {
        SearchNode max = node.max();
        SearchNode min = node.min();
        List<SearchNode> ends = room.all(List.of(
            () -> follow(tree, max, SearchNode::max, log), () -> follow(tree, min, SearchNode::min, log)));
        return new SearchTree.Simulation(ends.getFirst(), ends.getLast());
      }
      node = node.max();
    }
    return new SearchTree.Simulation(node, node);
  }

  /** Walks down by UCT to a node that was not expanded yet. */
  private SearchNode select(SearchNode node) {
    while (node.expanded()) {
      SearchNode best = null;
      for (SearchNode child : node.children()) {
        if (!child.exhausted() && (best == null || uct(child) > uct(best))) {
          best = child;
        }
      }
      node = best;
    }
    return node;
  }

  /** {@code Q + c * sqrt(ln N(parent) / N)}: a child that was never visited comes first. */
  private double uct(SearchNode child) {
    if (child.visits() == 0) {
      return Double.POSITIVE_INFINITY;
    }
    return child.q() + settings.uct() * Math.sqrt(Math.log(child.parent().visits()) / child.visits());
  }

  /** Grows a chain of steps to its end; at each node {@code choose} takes one of the two survivors. */
  private SearchNode follow(SearchTree tree, SearchNode node, UnaryOperator<SearchNode> choose, ExpansionLog log)
      throws InterruptedException {
    while (!node.terminal()) {
      expand(tree, node, log);
      node = choose.apply(node);
    }
    return node;
  }

  private void expand(SearchTree tree, SearchNode node, ExpansionLog log) throws InterruptedException {
    if (node.expanded()) {
      return;
    }
    Expansion known = log.find(tree.problem().id(), tree.name(), node.path());
    if (known == null) {
      known = sampleScoreAndPrune(tree, node);
      log.append(known);
    }
    node.expand(known);
  }

  private Expansion sampleScoreAndPrune(SearchTree tree, SearchNode node) throws InterruptedException {
    Problem problem = tree.problem();
    long problemKey = SplitMix.hash(problem.id());
    long nodeKey = SplitMix.hash(tree.name() + '/' + node.path());
    int ahead = drawsAhead && node.parent() != null ? node.parent().expansion().draws() : 0;
    Draws draws = sampleDistinct(node.tokens(), new DrawKey(seed, problemKey, nodeKey, 0), ahead);
    List<Generation> steps = draws.distinct().values().stream().map(Draw::generation).toList();

    DrawKey scoreKey = new DrawKey(seed, problemKey, SplitMix.mix(nodeKey + 1), 0);
    ProcessRewardModel.Judgement judged = prm.judge(problem, node.tokens(), scoreKey, steps);
    double[] scores = checked(judged.scores(), steps.size());
    List<Candidate> candidates = new ArrayList<>();
    for (Draw draw : draws.distinct().values()) {
      int i = candidates.size();
      candidates.add(judge(problem, node, draw, scores[i], judged.rollouts()[i]));
    }
    return prune(problem, tree, node, candidates, draws.total(), judged.drawn());
  }

  /**
   * Of all candidates only the highest and the lowest R survive. One that was cut at a limit is no answer, neither a
   * right nor a wrong one: it survives where nothing else is left, or as S_min where cut solutions may be rejected.
   */
  private Expansion prune(
      Problem problem, SearchTree tree, SearchNode node, List<Candidate> candidates, int draws, long rolled) {
    boolean allCut = candidates.stream().allMatch(Candidate::truncated);
    int max = -1;
    int min = -1;
    for (int i = 0; i < candidates.size(); i++) {
      Candidate c = candidates.get(i);
      boolean answers = !c.truncated() || allCut;
      if (answers && (max < 0 || c.reward() > candidates.get(max).reward())) {
        max = i;
      }
      if ((answers || settings.truncatedRejected()) && (min < 0 || c.reward() <= candidates.get(min).reward())) {
        min = i;
      }
    }
    return new Expansion(problem.id(), tree.name(), node.path(), candidates, max, min, draws, rolled);
  }

  private record Draw(Generation generation, int index, int count) {
    Draw again() {
      return new Draw(generation, index, count + 1);
    }
  }

  private record Draws(Map<String, Draw> distinct, int total) {}

  /**
   * Samples E candidates; equal ones count once, and are replaced in at most {@code resampleRounds} further rounds.
   *
   * @param ahead so many draws are made at once, though the first round needs only E; those that no round comes to are
   *     thrown away
   */
  private Draws sampleDistinct(TokenPath path, DrawKey key, int ahead) throws InterruptedException {
    Map<String, Draw> distinct = new LinkedHashMap<>();
    List<Generation> drawn = new ArrayList<>();
    int total = 0;
    for (int round = 0; round <= settings.resampleRounds() && distinct.size() < settings.candidates(); round++) {
      int end = total + settings.candidates() - distinct.size();
      draw(path, key, drawn, round == 0 ? Math.max(end, ahead) : end);
      for (; total < end; total++) {
        Generation g = drawn.get(total);
        // The same words with and without an end are different states: one goes on, the other is finished.
        String sameness = g.finish() + ":" + settings.distinct().normalise(g.text());
        Draw first = new Draw(g, total, 1);
        distinct.merge(sameness, first, (known, again) -> known.again());
      }
    }
    return new Draws(distinct, total);
  }

  /** Adds what is missing of the first {@code wanted} draws. */
  private void draw(TokenPath path, DrawKey key, List<Generation> drawn, int wanted) throws InterruptedException {
    List<Policy.Request> requests = new ArrayList<>();
    for (int i = drawn.size(); i < wanted; i++) {
      DrawKey draw = new DrawKey(key.seed(), key.problem(), key.node(), i);
      requests.add(new Policy.Request(draw, settings.sampling(), endOfStep));
    }
    if (!requests.isEmpty()) {
      drawn.addAll(policy.generate(path, requests));
    }
  }

  /** Decides whether a candidate ends its path, asks the outcome reward if it does, and gives it its R. */
  private Candidate judge(Problem problem, SearchNode parent, Draw draw, double prm, int rollouts) {
    Generation step = draw.generation();
    String solution = parent.text() + step.text();
    boolean cut = step.finish() == Generation.Finish.LENGTH;
    boolean answered =
        step.finish() == Generation.Finish.END || !cut && settings.stopAtAnswer()
            && FinalAnswer.in(parent.tokens().marker(), solution);
    boolean terminal = answered || cut || parent.depth() + 1 >= settings.maxDepth();
    boolean correct = answered && outcome.correct(problem, parent.tokens().marker().solutionOrAll(solution));
    double advantage = parent.step() == null ? 0 : prm - parent.step().prm();
    double reward = prm + settings.advantageWeight() * advantage;
    return new Candidate(
        step, draw.index(), draw.count(), terminal, terminal && !answered, correct, prm, reward, rollouts);
  }

  private static double[] checked(double[] scores, int candidates) {
    if (scores.length != candidates) {
      throw new IllegalStateException(
          "the process reward model gave " + scores.length + " scores for " + candidates + " candidates");
    }
    for (double score : scores) {
      if (!(score >= 0 && score <= 1)) {
        throw new IllegalStateException("the process reward model gave a score outside [0, 1]: " + score);
      }
    }
    return scores;
  }

  /** A terminal node's reward is what {@link Backup} says, plus the outcome weight when its answer is right. */
  private void backUp(SearchNode terminal) {
    double reward = settings.backup().of(terminal) + (terminal.step().correct() ? settings.outcomeWeight() : 0);
    for (SearchNode node = terminal; node != null; node = node.parent()) {
      node.backUp(reward);
    }
  }
}
