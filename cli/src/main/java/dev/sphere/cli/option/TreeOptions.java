package dev.sphere.cli.option;

import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.run.PrmSpec;
import dev.sphere.engine.search.Distinct;
import dev.sphere.engine.search.SearchSettings;
import picocli.CommandLine.Option;

/** How the tree of a problem is searched, and by which reward. */
public final class TreeOptions extends StepOptions {
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

  /** The settings of the search, for a model of this manner. */
  public SearchSettings search(ModelDefaults manner) {
    return new SearchSettings(candidates, sampling(stepTokens(manner)), depth, simulations, uct, advantageWeight,
        outcomeWeight, separator(manner), 3, distinct, true);
  }

  /** The process reward, for a policy of this manner. */
  public PrmSpec prm(ModelDefaults manner) {
    SamplingSettings whole = sampling(maxTokens == null ? manner.solutionTokens() : maxTokens);
    return new PrmSpec(prm, new MonteCarloPrm.Settings(rollouts, whole, earlyStop), prmBeta);
  }

  private SamplingSettings sampling(int most) {
    return new SamplingSettings(temperature, topK, topP, minP, most);
  }
}
