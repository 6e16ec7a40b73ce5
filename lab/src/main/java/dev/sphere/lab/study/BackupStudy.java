package dev.sphere.lab.study;

import dev.sphere.base.InFlight;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.run.SearchPlan;
import dev.sphere.engine.search.Backup;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.search.ExpansionLog;
import dev.sphere.engine.search.SearchNode;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.search.SearchTree;
import dev.sphere.engine.search.SphereSearch;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.stage.MeteredPolicy;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.LongAdder;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * What further simulations find under different rules of what is backed up. All rules see the same draws: an expansion is
 * a function of its place in the tree, so it is sampled once and its tokens are charged to every rule that asks for it.
 * {@code lab/run backup} starts it and makes the tables.
 */
public final class BackupStudy {
  private static final int PARALLEL = 16;

  /** A rule: its name, and how it changes the search. */
  private record Rule(String name, SearchSettings settings) {}

  private final BatchedPolicy policy;
  private final SearchPlan plan;
  private final List<Rule> rules;
  private final List<Integer> budgets;
  private final OutcomeReward outcome = new GradedAnswers();

  private BackupStudy(BatchedPolicy policy, SearchPlan plan, List<Integer> budgets) {
    this.policy = policy;
    this.plan = plan;
    this.budgets = budgets;
    SearchSettings s = plan.search().withSimulations(budgets.getLast());
    rules = new ArrayList<>();
    for (Backup backup : Backup.values()) {
      rules.add(new Rule(backup.name().toLowerCase(java.util.Locale.ROOT), s.withBackup(backup)));
    }
    rules.add(new Rule("outcome, c = 0.5", s.withBackup(Backup.OUTCOME).withUct(0.5)));
    rules.add(new Rule("advantage, c = 4", s.withBackup(Backup.ADVANTAGE).withUct(4)));
    rules.add(new Rule("wrong (outcome -1)", s.withBackup(Backup.OUTCOME).withOutcomeWeight(-1)));
    rules.add(new Rule("even (c = 1e6)", s.withBackup(Backup.OUTCOME).withUct(1e6)));
  }

  /** Expansions that were sampled, with what each cost, rollouts included. */
  private static final class Shared implements ExpansionLog {
    private final Map<String, Expansion> known = new HashMap<>();
    private final Map<String, Long> cost = new HashMap<>();
    private final LongAdder tokens = new LongAdder();
    private long charged;
    private long before;

    @Override
    public Expansion find(String problemId, String search, String path) {
      Expansion there = known.get(path);
      before = tokens.sum();
      charged += there == null ? 0 : cost.get(path);
      return there;
    }

    @Override
    public void append(Expansion expansion) {
      known.put(expansion.path(), expansion);
      cost.put(expansion.path(), tokens.sum() - before);
      charged += cost.get(expansion.path());
    }
  }

  /** One line for each rule and number of simulations. */
  private List<ObjectNode> rows(Problem problem) throws InterruptedException {
    List<ObjectNode> rows = new ArrayList<>();
    Shared shared = new Shared();
    Policy metered = new MeteredPolicy(policy, tokens -> shared.tokens.add(tokens));
    MonteCarloPrm prm = new MonteCarloPrm(metered, outcome, plan.prm().monteCarlo());
    TokenPath prompt = TokenPath.root(policy.tokenizePrompt(policy.prompt(plan.stages().prompts().ask(problem))));
    for (Rule rule : rules) {
      shared.charged = 0;
      List<Long> charged = new ArrayList<>(); // after each simulation
      SearchTree tree = new SphereSearch(metered, prm, outcome, rule.settings, plan.seed())
          .search(problem, "generation", prompt, shared, () -> charged.add(shared.charged));
      charged.add(shared.charged);
      for (int budget : budgets) {
        int n = Math.min(budget, tree.simulations().size());
        rows.add(row(problem, rule, budget, charged.get(n - 1), tree.simulations().subList(0, n), shared));
      }
    }
    return rows;
  }

  private ObjectNode row(Problem problem, Rule rule, int budget, long tokens, List<SearchTree.Simulation> simulations,
      Shared shared) {
    Set<String> right = new TreeSet<>();
    Set<String> wrong = new TreeSet<>();
    Set<SearchNode> ends = new HashSet<>();
    Set<String> expanded = new TreeSet<>();
    int chains = 0;
    for (SearchTree.Simulation s : simulations) {
      chains += s.solMax().step().correct() && isWrong(s.solMin()) ? 1 : 0;
      for (SearchNode end : List.of(s.solMax(), s.solMin())) {
        ends.add(end);
        if (end.step().correct()) {
          right.add(end.text().strip());
        } else if (isWrong(end)) {
          wrong.add(end.text().strip());
        }
        for (int i = 0; i < end.path().length(); i++) {
          expanded.add(end.path().substring(0, i));
        }
      }
    }
    long pruned = expanded.stream().map(shared.known::get).filter(BackupStudy::prunesRight).count();
    return JsonMapper.shared().createObjectNode().put("model", plan.model().getFileName().toString())
        .put("seed", plan.seed()).put("problem", problem.id()).put("rule", rule.name).put("budget", budget)
        .put("simulations", simulations.size()).put("tokens", tokens).put("chains", chains).put("right", right.size())
        .put("wrong", wrong.size()).put("ends", ends.size()).put("expanded", expanded.size()).put("pruned_right", pruned);
  }

  private static boolean isWrong(SearchNode end) {
    return !end.step().correct() && !end.step().truncated();
  }

  /** A right solution was among the candidates, and no survivor is right. */
  private static boolean prunesRight(Expansion e) {
    return e.candidates().stream().anyMatch(Candidate::correct) && !e.sMax().correct() && !e.sMin().correct();
  }

  /** {@code MODEL PROBLEMS LIMIT SEED ROLLOUTS TEMPERATURE OUT.jsonl SIMULATIONS...} */
  public static void main(String[] args) throws Exception {
    NativeRuntime.require();
    Path model = ModelSource.resolve(args[0]);
    List<Problem> problems = ProblemSource.read(args[1]);
    GivenSettings told = GivenSettings.nothing().with("seed", List.of(args[3]), "seed").with("rollouts", List.of(args[4]), "rollouts")
        .with("temperature", List.of(args[5]), "temperature");
    SearchPlan plan = SearchPlan.of(told, model, null, null);
    List<Integer> budgets = java.util.Arrays.stream(args).skip(7).map(Integer::valueOf).sorted().toList();
    plan.precision().use();
    try (BatchedPolicy policy = BatchedPolicy.open(model, null, plan.stages().prompts().template(), 0);
        PrintStream out = new PrintStream(Files.newOutputStream(Path.of(args[6])))) {
      BackupStudy study = new BackupStudy(policy, plan, budgets);
      List<Problem> first = problems.subList(0, Math.min(problems.size(), Integer.parseInt(args[2])));
      InFlight.run(first, PARALLEL, study::rows, (i, rows) -> rows.forEach(out::println));
    }
  }
}
