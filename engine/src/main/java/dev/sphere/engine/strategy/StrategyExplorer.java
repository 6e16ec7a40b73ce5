package dev.sphere.engine.strategy;

import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.search.ExpansionLog;
import dev.sphere.engine.stage.Attempt;
import dev.sphere.engine.stage.Explorer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/** A strategy as the three stages see it: its complete solutions, graded. What it does is begun again on a resume. */
public final class StrategyExplorer implements Explorer {
  private final Solver solver;
  private final Policy policy;
  private final OutcomeReward outcome;

  public StrategyExplorer(Solver solver, Policy policy, OutcomeReward outcome) {
    this.solver = solver;
    this.policy = policy;
    this.outcome = outcome;
  }

  @Override
  public List<Attempt> explore(Problem problem, String name, TokenPath prompt, ExpansionLog log)
      throws InterruptedException {
    StrategyResult found = solver.solve(problem, name, prompt);
    log.used(problem.id(), tokens(found.solutions()));
    Solution best = found.best();
    List<Attempt> attempts = new ArrayList<>();
    attempts.add(attempt(problem, name, 0, true, best));
    int index = 1;
    for (Solution s : found.solutions()) {
      if (s != best) {
        attempts.add(attempt(problem, name, index++, false, s));
      }
    }
    return attempts;
  }

  /** Of all solutions; what some have in common counts once. */
  private static long tokens(List<Solution> solutions) {
    Set<TokenPath> nodes = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Solution s : solutions) {
      for (TokenPath node = s.path(); node.parent() != null; node = node.parent()) {
        nodes.add(node);
      }
    }
    return nodes.stream().mapToLong(node -> node.length() - node.parent().length()).sum();
  }

  private Attempt attempt(Problem problem, String name, int index, boolean max, Solution s) {
    boolean correct = !s.truncated() && outcome.correct(problem, s.path().marker().solutionOrAll(s.text()));
    return Attempt.of(name, index, max, "", correct, s.truncated(), s.text(), s.tokens(), s.ended(), policy);
  }
}
