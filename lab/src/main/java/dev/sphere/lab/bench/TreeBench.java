package dev.sphere.lab.bench;

import dev.sphere.base.InFlight;
import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.command.bench.RolloutBench;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.prompt.ChatTemplate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/**
 * Search trees as SPHERE grows them, against the same paths as sequences that know nothing of each
 * other. A tree's root is expanded into E candidate steps; the best and the worst begin two chains, and at each depth
 * both are expanded into E candidates again. The paths are those from the root to each candidate that is not extended.
 *
 * <p>All three ways run on the rollout engine with the same settings, so that only the sharing differs: (1) the tree;
 * (2) the paths as independent sequences that share the prompt; (3) the paths with nothing in common.
 */
public final class TreeBench {
  static final double AIM = 3;
  private static final float TEMPERATURE = 0.8f;

  /**
   * The sizes of a run.
   *
   * @param trees trees in flight together
   * @param prompt tokens of each tree's prompt
   * @param depth steps from root to leaf
   * @param candidates candidates an expansion (E)
   * @param step tokens a step
   * @param repetitions measured runs, after one to warm up
   */
  public record Plan(int trees, int prompt, int depth, int candidates, int step, int repetitions) {
    public Plan {
      if (trees < 1 || prompt < 1 || depth < 1 || candidates < 2 || step < 1 || repetitions < 1) {
        throw new IllegalArgumentException("all sizes must be positive, candidates at least 2");
      }
    }

    /** Steps that a tree generates. */
    public int steps() {
      return candidates * (1 + 2 * (depth - 1));
    }

    /** Length in steps of each path from the root to a candidate that is not extended. */
    public List<Integer> paths() {
      List<Integer> paths = new ArrayList<>();
      for (int d = 1; d <= depth; d++) {
        int made = d == 1 ? candidates : 2 * candidates;
        int extended = d == depth ? 0 : 2;
        for (int i = extended; i < made; i++) {
          paths.add(d);
        }
      }
      return paths;
    }
  }

  private final Model model;
  private final Plan plan;

  /** A benchmark of a loaded model. */
  public TreeBench(Model model, Plan plan) {
    this.model = model;
    this.plan = plan;
  }

  /** Runs it, the three ways in turns. */
  public BenchResult run() throws InterruptedException {
    return run(BatchedPolicy.Options.auto(model, 0));
  }

  BenchResult run(BatchedPolicy.Options suits) throws InterruptedException {
    long pathTokens = plan.paths().stream().mapToLong(d -> (long) d * plan.step()).sum();
    int longest = plan.prompt() + plan.depth() * plan.step();
    BatchedPolicy.Options options = suits.withCells(Math.max(suits.cells(), 4 * longest));
    try (BatchedPolicy policy = BatchedPolicy.of(model, null, ChatTemplate.PLAIN, options)) {
      long[] computed = new long[3]; // tokens, in the last run of each way
      List<Figure> seconds =
          new InterleavedRuns(plan.repetitions())
              .add("tree", "s", i -> counted(computed, 0, policy, () -> time(i, 0, r -> tree(policy, r))))
              .add("paths, prompt shared", "s",
                  i -> counted(computed, 1, policy, () -> time(i, 1, r -> shared(policy, r))))
              .add("paths, nothing shared", "s",
                  i -> counted(computed, 2, policy, () -> time(i, 2, r -> apart(policy, r))))
              .run();
      Map<String, Object> shape = new LinkedHashMap<>();
      shape.put("model", model.description());
      shape.put("trees", plan.trees());
      shape.put("prompt", plan.prompt());
      shape.put("depth", plan.depth());
      shape.put("candidates", plan.candidates());
      shape.put("step", plan.step());
      shape.put("repetitions", plan.repetitions());
      shape.put("lanes", options.lanes());
      shape.put("threads", options.threads());
      shape.put("slots", options.slots());
      shape.put("cells", options.cells());
      shape.put("tree_tokens", (long) plan.trees() * plan.steps() * plan.step());
      shape.put("path_tokens", plan.trees() * pathTokens);
      shape.put("tree_computed", computed[0]);
      shape.put("shared_prompt_computed", computed[1]);
      shape.put("nothing_shared_computed", computed[2]);
      double tokens = (double) plan.trees() * plan.steps() * plan.step();
      double[] rate = seconds.get(0).samples().stream().mapToDouble(s -> tokens / s).toArray();
      List<Figure> figures = new ArrayList<>(seconds);
      figures.add(Figure.of("tree, generated", "tokens/s", rate));
      List<Ratio> ratios =
          List.of(
              new Ratio(seconds.get(1).over(seconds.get(0), "against paths with a shared prompt"), AIM),
              new Ratio(seconds.get(2).over(seconds.get(0), "against paths with nothing shared"), Ratio.REPORTED));
      return new BenchResult("tree", shape, figures, ratios);
    }
  }

  private interface Work {
    void run(int unique) throws InterruptedException;
  }

  private interface Timed {
    double run() throws InterruptedException;
  }

  /** Each way and repetition gets prompts of its own. */
  private static double time(int repetition, int way, Work work) throws InterruptedException {
    long begin = System.nanoTime();
    work.run(3 * (repetition + 1) + way);
    return InterleavedRuns.seconds(begin);
  }

  private static double counted(long[] into, int way, BatchedPolicy policy, Timed timed) throws InterruptedException {
    long before = policy.counters().computed();
    double seconds = timed.run();
    into[way] = policy.counters().computed() - before;
    return seconds;
  }

  private void tree(BatchedPolicy policy, int unique) throws InterruptedException {
    List<Callable<Void>> trees = new ArrayList<>();
    for (int t = 0; t < plan.trees(); t++) {
      int tree = t;
      trees.add(
          () -> {
            TokenPath root = TokenPath.root(prompt(unique, tree));
            List<Generation> first = expand(policy, root, unique, tree, 0);
            InFlight.together(
                List.of(
                    () -> chain(policy, root.extend(first.getFirst().tokens()), unique, tree, 1),
                    () -> chain(policy, root.extend(first.getLast().tokens()), unique, tree, 2)));
            return null;
          });
    }
    InFlight.together(trees);
  }

  private Void chain(BatchedPolicy policy, TokenPath node, int unique, int tree, int chain)
      throws InterruptedException {
    TokenPath at = node;
    for (int d = 1; d < plan.depth(); d++) {
      List<Generation> made = expand(policy, at, unique, tree, chain * 1_000 + d);
      at = at.extend(made.get(chain == 1 ? 0 : made.size() - 1).tokens());
    }
    return null;
  }

  private List<Generation> expand(BatchedPolicy policy, TokenPath node, int unique, int tree, int id)
      throws InterruptedException {
    List<Request> requests = new ArrayList<>();
    for (int i = 0; i < plan.candidates(); i++) {
      requests.add(request(unique, tree, id, i, plan.step()));
    }
    return policy.generate(node, requests);
  }

  private void shared(BatchedPolicy policy, int unique) throws InterruptedException {
    List<Callable<List<Generation>>> trees = new ArrayList<>();
    for (int t = 0; t < plan.trees(); t++) {
      int tree = t;
      trees.add(() -> policy.generate(TokenPath.root(prompt(unique, tree)), pathRequests(unique, tree)));
    }
    InFlight.together(trees);
  }

  private void apart(BatchedPolicy policy, int unique) throws InterruptedException {
    List<Callable<List<Generation>>> paths = new ArrayList<>();
    for (int t = 0; t < plan.trees(); t++) {
      for (Request r : pathRequests(unique, t)) {
        int number = paths.size();
        paths.add(() -> policy.generate(TokenPath.root(prompt(unique, number)), List.of(r)));
      }
    }
    InFlight.together(paths);
  }

  private List<Request> pathRequests(int unique, int tree) {
    List<Request> requests = new ArrayList<>();
    for (int steps : plan.paths()) {
      requests.add(request(unique, tree, 0, requests.size(), steps * plan.step()));
    }
    return requests;
  }

  private static Request request(int unique, int tree, int node, int draw, int tokens) {
    return new Request(
        new DrawKey(unique, tree, node, draw), SamplingSettings.temperature(TEMPERATURE, tokens), RolloutBench.fullLength(tokens));
  }

  private int[] prompt(int unique, int number) {
    return RolloutBench.prompt(unique, number, plan.prompt(), model.vocabulary().size());
  }
}
