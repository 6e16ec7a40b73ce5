package dev.sphere.cli;

import dev.sphere.engine.Problem;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.data.Shards;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.run.Manner;
import dev.sphere.engine.run.PairSearch;
import dev.sphere.engine.run.PrmSpec;
import dev.sphere.engine.run.SearchPlan;
import dev.sphere.engine.run.SearchProfile;
import dev.sphere.engine.search.Distinct;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.stage.LengthBias;
import dev.sphere.engine.stage.PairRules;
import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.RunReport;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageSettings;
import dev.sphere.engine.strategy.StrategySettings;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere search}: problems in, preference pairs out. */
@Command(
    name = "search",
    description = {
      "Searches problems in three stages and makes preference pairs of them.",
      "  sphere search --model embedded --small-model embedded-small --problems embedded:train --run runs/first",
      "  sphere search --model model.gguf --problems gsm8k_train.jsonl --run runs/gsm8k",
      "A run that was interrupted goes on with the same command and --resume."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class SearchCommand implements Callable<Integer> {
  @Option(names = "--model", required = true, paramLabel = "MODEL",
      description = "The policy: a GGUF file or embedded.")
  private String model;

  @Mixin private ProblemOptions problems = new ProblemOptions();

  @Mixin private DecontaminationOptions contamination = new DecontaminationOptions();

  @Option(names = "--run", required = true, paramLabel = "DIR", description = "The run's directory; made if missing.")
  private Path run;

  @Option(names = "--shard", paramLabel = "I/N",
      description = "Only every N-th problem, from the I-th on: one process a GPU; 'run merge' joins the runs.")
  private String shard;

  @Option(names = "--resume", description = "Go on with the run in DIR; begin one if there is none.")
  private boolean resume;

  @Option(names = "--adapter", paramLabel = "FILE", description = "A LoRA adapter (GGUF) over the policy.")
  private Path adapter;

  @Option(names = "--small-model", paramLabel = "MODEL",
      description = "The small model of stage 3: a GGUF file or embedded-small. Without it stage 3 is skipped.")
  private String smallModel;

  @Mixin private PromptOptions prompts = new PromptOptions();

  @Option(names = "--seed", paramLabel = "N", defaultValue = "1", description = "Seed of every draw (default: 1).")
  private long seed;

  @Option(names = "--parallel", paramLabel = "N", defaultValue = "16",
      description = "Problems in flight (default: 16). Changes the speed, never the result.")
  private int parallel;

  @Option(names = "--profile", arity = "0..1", fallbackValue = "", paramLabel = "FILE",
      description = "Record where the time goes, into FILE (default: profile.jfr in the run's directory); print it.")
  private String profile;

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @ArgGroup(validate = false, heading = "%nSearch:%n")
  private Tree tree = new Tree();

  @ArgGroup(validate = false, heading = "%nOther ways to search:%n")
  private StrategyOptions way = new StrategyOptions();

  @ArgGroup(validate = false, heading = "%nPairs:%n")
  private Pairs pairs = new Pairs();

  @Spec private CommandSpec spec;

  private static final class Tree extends StepOptions {
    @Option(names = "--prm", paramLabel = "KIND", defaultValue = "mc",
        description = "Process reward: mc (Monte Carlo); FILE.gguf, a trained one, read as it declares (token:, head:, "
            + "math-shepherd: and rlhflow: before it say how); implicit:REF.gguf, the log-ratio of policy and REF; or the "
            + "controls random and outcome (default: mc).")
    private String prm = "mc";

    @Option(names = "--rollouts", paramLabel = "K", description = "Rollouts a step for --prm mc (default: 8).")
    private int rollouts = 8;

    @Option(names = "--early-stop", description = "Stop the rollouts of a node when its survivors are decided.")
    private boolean earlyStop;

    @Option(names = "--candidates", paramLabel = "E", description = "Distinct candidates an expansion (default: 5).")
    private int candidates = 5;

    @Option(names = "--simulations", paramLabel = "N",
        description = "Simulations a search; 1 is the paper's two chains (default: 1).")
    private int simulations = 1;

    @Option(names = "--top-k", paramLabel = "K", description = "Keep the K likeliest tokens; 0: all (default).")
    private int topK;

    @Option(names = "--top-p", paramLabel = "P", description = "Keep the likeliest tokens up to P (default: 1, all).")
    private float topP = 1;

    @Option(names = "--min-p", paramLabel = "P",
        description = "Drop tokens below P times the likeliest one's probability (default: 0).")
    private float minP;

    @Option(names = "--uct", paramLabel = "C", description = "Exploration constant (default: 1.414).")
    private double uct = Math.sqrt(2);

    @Option(names = "--advantage-weight", paramLabel = "W",
        description = "w of R = prm + w (prm - parent's prm) (default: 1).")
    private double advantageWeight = 1;

    @Option(names = "--outcome-weight", paramLabel = "W",
        description = "What a right answer adds at the end of a path (default: 1).")
    private double outcomeWeight = 1;

    @Option(names = "--max-tokens", paramLabel = "N",
        description = "Most tokens of a Monte Carlo completion (default: 1024; embedded: 256).")
    private Integer maxTokens;

    @Option(names = "--distinct", paramLabel = "RULE",
        description = "When candidates count as equal: exact, whitespace or loose (default: whitespace).")
    private Distinct distinct = Distinct.WHITESPACE;
  }

  private static final class Pairs {
    @Option(names = "--stages", split = ",", paramLabel = "STAGE",
        description = "Stages to run: generation,correction,diversity (default: all).")
    private List<Stage> stages = List.of(Stage.values());

    @Option(names = "--pairing", paramLabel = "RULE",
        description = "chains: a right Sol_max against a wrong Sol_min; any: any right against any wrong one "
            + "(default: chains; any with --strategy).")
    private StageSettings.Pairing pairing;

    @Option(names = "--pairs-per-stage", paramLabel = "N", description = "Most pairs a stage and problem (default: 4).")
    private int pairsPerStage = 4;

    @Option(names = "--pairs-per-problem", paramLabel = "N",
        description = "Most pairs a problem, all stages together (default: any number).")
    private int pairsPerProblem = Integer.MAX_VALUE;

    @Option(names = "--near-duplicates", paramLabel = "S",
        description = "Leave out a pair that is at least so alike to an earlier one of its problem: the same numbers, and "
            + "a share S of the words in common, 0 to 1 (default: only exact repetitions).")
    private Double nearDuplicates;

    @Option(names = "--max-length-ratio", paramLabel = "R",
        description = "Leave out a pair of which one side is more than R times as long as the other (default: any).")
    private double maxLengthRatio;

    @Option(names = "--diversity-factor", paramLabel = "F",
        description = "Stage 3 samples F times the candidates (default: 2).")
    private int diversityFactor = 2;
  }

  @Override
  public Integer call() throws InterruptedException, IOException {
    Path policy = ModelSource.resolve(model);
    Path small = smallModel == null ? null : ModelSource.resolve(smallModel);
    if (adapter != null) {
      Inputs.require(adapter);
    }
    if (!pairs.stages.contains(Stage.GENERATION)) {
      throw new ParameterException(spec.commandLine(), "--stages must name generation: the others build on it");
    }
    ProblemSet set = problems.read(spec.commandLine().getErr());
    List<Problem> clean = Shards.of(
        contamination.clean(set.problems(), spec.commandLine().getErr()), shard);
    SearchPlan plan = plan(policy, small);
    PrintWriter out = spec.commandLine().getOut();
    if (profile == null) {
      PairSearch.Outcome outcome = search(plan, clean);
      contamination.list(run);
      print(outcome, null, out);
      return 0;
    }
    Path file = profile.isEmpty() ? run.resolve("profile.jfr") : Path.of(profile);
    if (!profile.isEmpty()) {
      Inputs.requireWritable(file);
    }
    try (SearchProfile recording = SearchProfile.start(file)) {
      PairSearch.Outcome outcome = search(plan, clean);
      SearchProfile.Summary summary = recording.stop();
      contamination.list(run);
      summary.lines().forEach(out::println);
      out.println("recording in " + file + " (jfr view, JDK Mission Control)");
      print(outcome, summary, out);
    }
    return 0;
  }

  private PairSearch.Outcome search(SearchPlan plan, List<Problem> list) throws InterruptedException {
    boolean terminal = System.console() != null && System.console().isTerminal();
    Thread hint = new Thread(() -> System.err.println(
        "\nsphere: interrupted; the run is safe in " + run + ": go on with the same command and --resume"));
    Runtime.getRuntime().addShutdownHook(hint);
    try (SearchProgress progress = new SearchProgress(list.size(), System.err, terminal)) {
      return PairSearch.run(plan, list, shard, run, resume, progress);
    } finally {
      forget(hint);
    }
  }

  private static void forget(Thread hint) {
    try {
      Runtime.getRuntime().removeShutdownHook(hint);
    } catch (IllegalStateException e) {
      // The JVM is going down already, and the hint has been given.
    }
  }

  private SearchPlan plan(Path policy, Path small) {
    Manner manner = Manner.of(policy);
    int solutionTokens = tree.maxTokens == null ? manner.solutionTokens() : tree.maxTokens;
    SamplingSettings step = new SamplingSettings(tree.temperature, tree.topK, tree.topP, tree.minP,
        tree.stepTokens(manner));
    SamplingSettings whole = new SamplingSettings(tree.temperature, tree.topK, tree.topP, tree.minP, solutionTokens);
    SearchSettings search = new SearchSettings(tree.candidates, step, tree.depth, tree.simulations, tree.uct,
        tree.advantageWeight, tree.outcomeWeight, tree.separator(manner), 3, tree.distinct, true);
    StrategySettings strategy = way.settings();
    StageSettings.Pairing pairing = pairs.pairing != null ? pairs.pairing
        : strategy == null ? StageSettings.Pairing.CHAINS : StageSettings.Pairing.ANY;
    StageSettings stages = new StageSettings(prompts.over(manner.prompts()), pairs.stages.contains(Stage.CORRECTION),
        pairs.stages.contains(Stage.DIVERSITY), pairs.diversityFactor, pairing, pairs.pairsPerStage, 2, true, false)
        .withRules(new PairRules(pairs.nearDuplicates == null ? PairRules.none().nearDuplicate() : pairs.nearDuplicates,
            pairs.pairsPerProblem, pairs.maxLengthRatio));
    PrmSpec prm =
        new PrmSpec(tree.prm, new MonteCarloPrm.Settings(tree.rollouts, whole, tree.earlyStop), tree.prmBeta);
    return new SearchPlan(policy, adapter, small, prm, search, stages, seed, strategy, parallel);
  }

  private void print(PairSearch.Outcome outcome, SearchProfile.Summary summary, PrintWriter out) {
    RunReport report = outcome.report();
    if (json) {
      Map<String, Object> all = asMap(outcome);
      if (summary != null) {
        all.put("profile", summary.toMap());
      }
      out.println(JsonMapper.shared().writeValueAsString(all));
    } else {
      out.printf("%d problems: Sol_max right on %d, Sol_min on %d%n", report.problems(), report.solMaxRight(),
          report.solMinRight());
      out.printf("%d pairs from %d problems: %d self-generation, %d self-correction, %d diversity%n",
          outcome.pairs().size(), report.withPairs(), report.pairs().get(Stage.GENERATION),
          report.pairs().get(Stage.CORRECTION), report.pairs().get(Stage.DIVERSITY));
      for (Map.Entry<Reason, Integer> reason : report.reasons().entrySet()) {
        out.printf("  no pair from %d: %s%n", reason.getValue(), reason.getKey().text());
      }
      LengthBias l = report.lengths();
      out.printf("mean length in characters: chosen %.0f, rejected %.0f; chosen is longer in %.0f %%, length and being "
          + "chosen correlate %+.2f, the two lengths %+.2f%n", report.chosenCharacters(), report.rejectedCharacters(),
          100 * l.chosenLonger(), l.bias(), l.correlation());
      if (report.nearDuplicates() > 0) {
        out.printf("%d pairs are nearly another one of their problem (--near-duplicates leaves them out)%n",
            report.nearDuplicates());
      }
      out.printf("%d tokens in %.1f s; pairs in %s%n", outcome.tokens(), outcome.seconds(), run.resolve("pairs.jsonl"));
    }
    out.flush();
  }

  private Map<String, Object> asMap(PairSearch.Outcome outcome) {
    RunReport report = outcome.report();
    Map<String, Object> pairCounts = new LinkedHashMap<>();
    pairCounts.put("all", outcome.pairs().size());
    report.pairs().forEach((stage, n) -> pairCounts.put(stage.label(), n));
    Map<String, Object> reasons = new LinkedHashMap<>();
    report.reasons().forEach((reason, n) -> reasons.put(reason.label(), n));
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("problems", report.problems());
    all.put("sol_max_right", report.solMaxRight());
    all.put("sol_min_right", report.solMinRight());
    all.put("with_pairs", report.withPairs());
    all.put("pairs", pairCounts);
    all.put("without_pairs", reasons);
    all.put("chosen_characters", report.chosenCharacters());
    all.put("rejected_characters", report.rejectedCharacters());
    all.put("length_bias", report.lengths().toMap());
    all.put("near_duplicates", report.nearDuplicates());
    all.put("contaminated", contamination.left());
    all.put("tokens", outcome.tokens());
    all.put("seconds", outcome.seconds());
    all.put("run", run.toString());
    return all;
  }
}
