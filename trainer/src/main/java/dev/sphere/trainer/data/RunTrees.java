package dev.sphere.trainer.data;

import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.Problem;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.store.RunReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The policy's search trees of a run (stage 1, self-generation), with every candidate that was scored, as training
 * data; for imitation also the run's solutions that are in no tree. Stage 2's trees have another prompt, stage 3's
 * are the small model's.
 */
public final class RunTrees {
  private static final String SEARCH = "generation";

  private final RunReader run;
  private final Map<String, Map<String, Expansion>> trees;
  private final int rollouts; // of a complete score; 0: all scores are complete

  /** The source of a step's label. */
  public enum LabelSource implements dev.sphere.engine.settings.Labelled {
    /**
     * The recorded process reward: with Monte Carlo rollouts, the share of right completions. A step whose rollouts
     * {@code early_stop} ended has no label.
     */
    PRM,
    /**
     * 1 where the recorded process reward is above 0, else 0: Math-Shepherd's hard estimate (arXiv 2312.08935, eq.
     * 3). A step whose rollouts {@code early_stop} ended without a right one has no label.
     */
    PRM_HARD,
    /**
     * The share of right ones among the complete solutions below the step in the tree; the outcome of a complete
     * step.
     */
    TREE;

    @Override
    public String label() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /**
   * A step at the end of a path.
   *
   * @param id the problem's id and the path, for instance "p7 at +-"
   * @param dialogue the policy's prompt
   * @param before the steps before it
   */
  public record Placed(String id, List<Message> dialogue, List<Candidate> before, Candidate step) {
    /** The text of all steps up to this one. */
    public String text() {
      StringBuilder text = new StringBuilder();
      before.forEach(c -> text.append(c.generation().text()));
      return text.append(step.generation().text()).toString();
    }
  }

  /**
   * A whole solution.
   *
   * @param id the problem's id and the solution's origin
   * @param dialogue the policy's prompt
   * @param text as it was sampled, without end token
   * @param reward R in the tree; 1 for a solution in no tree
   */
  public record Solution(String id, List<Message> dialogue, String text, double reward) {}

  /** The kept siblings S_max and S_min of an expansion. */
  public record Siblings(Placed max, Placed min) {}

  /** A step with its label, in [0, 1]. */
  public record Labelled(Placed step, double label) {}

  public RunTrees(RunReader run) {
    this.run = run;
    this.trees = run.trees(SEARCH);
    Map<String, String> identity = run.provenance().identity();
    boolean early = Boolean.parseBoolean(identity.get("prm.monteCarlo.stopWhenDecided"));
    this.rollouts = early ? Integer.parseInt(identity.get("prm.monteCarlo.rollouts")) : 0;
  }

  /** SHA-256 of the model that sampled the trees. */
  public String modelHash() {
    return run.provenance().identity().getOrDefault("model.sha256", "");
  }

  /** S_max and S_min of every expansion whose rewards differ by at least {@code margin}, and by more than 0. */
  public List<Siblings> siblings(double margin) {
    List<Siblings> all = new ArrayList<>();
    each((problem, tree, e) -> {
      double difference = e.sMax().reward() - e.sMin().reward();
      if (difference > 0 && difference >= margin) {
        all.add(new Siblings(placed(problem, tree, e, e.sMax()), placed(problem, tree, e, e.sMin())));
      }
    });
    return all;
  }

  /** Every scored candidate that has a label, pruned ones included. */
  public List<Labelled> labelled(LabelSource source) {
    List<Labelled> all = new ArrayList<>();
    each((problem, tree, e) -> {
      for (int i = 0; i < e.candidates().size(); i++) {
        Candidate c = e.candidates().get(i);
        double label = switch (source) {
          case PRM -> finished(c) ? c.prm() : Double.NaN;
          case PRM_HARD -> c.prm() > 0 ? 1 : finished(c) ? 0 : Double.NaN;
          case TREE -> share(outcomes(tree, e, i));
        };
        if (!Double.isNaN(label)) {
          all.add(new Labelled(placed(problem, tree, e, c), label));
        }
      }
    });
    return all;
  }

  /** Number of steps without a label because their rollouts were stopped early. */
  public int stoppedEarly(LabelSource source) {
    int[] n = new int[1];
    each((problem, tree, e) -> n[0] += (int) e.candidates().stream()
        .filter(c -> source == LabelSource.PRM && !finished(c) || source == LabelSource.PRM_HARD && !known(c)).count());
    return n[0];
  }

  /** Whether the recorded rollouts decide if a right answer can be reached from the step. */
  boolean known(Candidate c) {
    return c.prm() > 0 || finished(c);
  }

  /** Whether the score needed no rollouts or has all of them. */
  private boolean finished(Candidate c) {
    return c.rollouts() >= rollouts || c.rollouts() == 0 && c.terminal();
  }

  /** Every complete solution of the trees, right, wrong or cut off, pruned ones included. */
  public List<Placed> solutions() {
    List<Placed> all = new ArrayList<>();
    each((problem, tree, e) -> e.candidates().stream()
        .filter(Candidate::terminal)
        .forEach(c -> all.add(placed(problem, tree, e, c))));
    return all;
  }

  /**
   * The distinct right solutions of each problem: those of the trees in the order of the search, pruned ones
   * included; then those drawn without a tree (best-of-n, rejection); then the probe's, also of problems that were
   * not searched.
   */
  public Map<String, List<Solution>> rightSolutions() {
    Map<String, List<Solution>> right = new LinkedHashMap<>();
    Set<String> seen = new HashSet<>();
    each((problem, tree, e) -> {
      for (Candidate c : e.candidates()) {
        if (c.correct()) {
          Placed at = placed(problem, tree, e, c);
          add(right, seen, problem, new Solution(at.id(), at.dialogue(), at.text(), c.reward()));
        }
      }
    });
    Prompts prompts = run.prompts();
    for (Problem problem : run.problems()) {
      List<Message> dialogue = prompts.ask(problem);
      run.stagesOf(problem.id()).stream().filter(s -> s.stage() == Stage.GENERATION).flatMap(s -> s.attempts().stream())
          .filter(a -> a.correct() && !a.truncated())
          .forEach(a -> add(right, seen, problem, new Solution(problem.id() + " drawn", dialogue, a.text(), 1)));
      Probed probed = run.probeOf(problem.id());
      if (probed != null) {
        probed.draws().stream().filter(Probed.Draw::solved)
            .forEach(d -> add(right, seen, problem, new Solution(problem.id() + " probed", dialogue, d.text(), 1)));
      }
    }
    return right;
  }

  private static void add(Map<String, List<Solution>> right, Set<String> seen, Problem problem, Solution solution) {
    if (seen.add(problem.id() + '\0' + solution.text().strip())) {
      right.computeIfAbsent(problem.id(), id -> new ArrayList<>()).add(solution);
    }
  }

  private interface Visitor {
    void visit(Problem problem, Map<String, Expansion> tree, Expansion expansion);
  }

  private void each(Visitor visitor) {
    Map<String, Problem> problems = new HashMap<>();
    run.problems().forEach(p -> problems.put(p.id(), p));
    trees.forEach((id, tree) -> tree.values().forEach(e -> visitor.visit(problems.get(id), tree, e)));
  }

  private Placed placed(Problem problem, Map<String, Expansion> tree, Expansion at, Candidate step) {
    List<Candidate> before = new ArrayList<>();
    for (int i = 0; i < at.path().length(); i++) {
      Expansion e = tree.get(at.path().substring(0, i));
      before.add(at.path().charAt(i) == '+' ? e.sMax() : e.sMin());
    }
    String id = problem.id() + (at.path().isEmpty() ? " at its start" : " at " + at.path());
    return new Placed(id, run.prompts().ask(problem), before, step);
  }

  private static double share(int[] outcomes) {
    return outcomes[1] == 0 ? Double.NaN : (double) outcomes[0] / outcomes[1];
  }

  /** The numbers of right and of all complete solutions below a candidate. A solution that was cut off is wrong. */
  private static int[] outcomes(Map<String, Expansion> tree, Expansion e, int candidate) {
    Candidate c = e.candidates().get(candidate);
    if (c.terminal()) {
      return new int[] {c.correct() ? 1 : 0, 1};
    }
    int[] sum = new int[2];
    String way = candidate == e.max() ? "+" : candidate == e.min() ? "-" : null;
    Expansion below = way == null ? null : tree.get(e.path() + way);
    for (int i = 0; below != null && i < below.candidates().size(); i++) {
      int[] part = outcomes(tree, below, i);
      sum[0] += part[0];
      sum[1] += part[1];
    }
    return sum;
  }
}
