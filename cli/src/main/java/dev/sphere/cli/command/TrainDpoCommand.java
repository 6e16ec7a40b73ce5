package dev.sphere.cli.command;

import dev.sphere.cli.option.TrainOptions;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.TrainTask;
import dev.sphere.trainer.loss.Divergence;
import dev.sphere.trainer.loss.LossSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sphere train dpo}. */
@Command(
    name = "dpo",
    description = {
      "Trains on preference pairs: DPO and its family.",
      "  sphere train dpo --model model.gguf --run runs/search --adapter-out adapter.gguf",
      "Rows are JSON Lines or Parquet with prompt, chosen and rejected, as TRL has them (texts or messages)."
    },
    mixinStandardHelpOptions = true)
public final class TrainDpoCommand implements Callable<Integer> {
  @Mixin private TrainOptions train;

  @Option(
      names = {"--pairs", "--run", "--data"},
      required = true,
      paramLabel = "FILE",
      description = "Preference rows (JSON Lines, Parquet), or the folder of a search run.")
  private Path data;

  @Option(
      names = "--loss",
      split = ",",
      defaultValue = "sigmoid",
      paramLabel = "LOSS",
      description = {
        "One or several, added up: sigmoid, hinge, ipo, exo_pair, nca_pair, robust, bco_pair, sppo_hard, aot,",
        "aot_unpaired, apo_zero, apo_down, discopop, sft, sigmoid_norm (default: ${DEFAULT-VALUE})."
      })
  private List<String> losses;

  @Option(names = "--loss-weights", split = ",", paramLabel = "W", description = "A weight for each loss (default: 1).")
  private List<Double> lossWeights = List.of();

  @Option(names = "--beta", defaultValue = "0.1", description = "Pull to the reference (default: ${DEFAULT-VALUE}).")
  private double beta;

  @Option(names = "--label-smoothing", paramLabel = "E", description = "Assumed share of flipped pairs (default: 0).")
  private Double labelSmoothing;

  @Option(
      names = "--f-divergence",
      defaultValue = "reverse_kl",
      description = "reverse_kl, forward_kl, js_divergence or alpha_divergence (default: ${DEFAULT-VALUE}).")
  private String divergence;

  @Option(
      names = "--f-alpha",
      defaultValue = "0.5",
      description = "Coefficient of alpha_divergence (default: ${DEFAULT-VALUE}).")
  private double alpha;

  @Option(
      names = "--ld-alpha",
      defaultValue = "1",
      description = "Weight of tokens past the shorter completion (LD-DPO; default: ${DEFAULT-VALUE}).")
  private double ldAlpha;

  @Option(names = "--discopop-tau", defaultValue = "0.05", description = "Of discopop (default: ${DEFAULT-VALUE}).")
  private double discopopTau;

  @Option(
      names = "--reject-first-step",
      paramLabel = "SEPARATOR",
      description = {
        "A rejected completion counts only up to the end of its first step that differs from the chosen one's; steps",
        "end with this text, \\n for a line feed (default: the whole completion counts)."
      })
  private String stepSeparator;

  @Option(
      names = "--step-pairs",
      paramLabel = "SEPARATOR",
      description = {
        "Step-DPO: a pair is its two first steps that differ, after the steps that both begin with; steps end with",
        "this text, \\n for a line feed."
      })
  private String stepPairs;

  @Option(
      names = "--siblings",
      description = {
        "With the folder of a search run: every S_max against its sibling S_min in the policy's own trees, in place",
        "of the pairs of whole solutions."
      })
  private boolean siblings;

  @Option(
      names = "--sibling-margin",
      defaultValue = "0",
      paramLabel = "R",
      description = "Least difference of the two siblings' rewards (default: any).")
  private double siblingMargin;

  @Option(names = "--wpo", description = "Weighs pairs by how likely the policy makes them (WPO).")
  private boolean wpo;

  @Option(
      names = "--ref-sync-steps",
      paramLabel = "N",
      description = "TR-DPO: the reference follows the policy every N steps (default: it stays; TRL: 512).")
  private Integer syncSteps;

  @Option(
      names = "--ref-sync-alpha",
      defaultValue = "0.6",
      paramLabel = "A",
      description = "TR-DPO: the new reference is A policy + (1 - A) reference (default: ${DEFAULT-VALUE}).")
  private double syncAlpha;

  @Option(names = "--reference-free", description = "Takes the reference's log-probabilities as 0.")
  private boolean referenceFree;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    TrainTask task = task();
    return TrainRun.run(spec, train, job(), task);
  }

  /** What is trained on and what is minimised. */
  TrainTask task() {
    LossSettings loss = LossSettings.of(losses, lossWeights)
        .withBeta(beta)
        .withDivergence(Divergence.of(divergence), alpha)
        .withLdAlpha(ldAlpha)
        .withDiscopopTau(discopopTau)
        .withReferenceFree(referenceFree)
        .withWpo(wpo)
        .withSync(syncSteps == null ? null : new LossSettings.Sync(syncAlpha, syncSteps));
    LossSettings smoothed = labelSmoothing == null ? loss : loss.withLabelSmoothing(labelSmoothing);
    if (siblings && (stepSeparator != null || stepPairs != null) || stepSeparator != null && stepPairs != null) {
      throw new ParameterException(
          spec.commandLine(), "--siblings, --step-pairs and --reject-first-step exclude each other");
    }
    if (siblings && !Files.isDirectory(data)) {
      throw new ParameterException(spec.commandLine(), "--siblings needs the folder of a search run, not " + data);
    }
    return siblings
        ? new TrainTask.PreferSiblings(data, siblingMargin, smoothed)
        : new TrainTask.Prefer(TrainOptions.data(data), smoothed);
  }

  /** How it is trained. */
  TrainJob job() {
    return stepPairs != null
        ? train.job().withStepPairs(TrainOptions.separator(stepPairs))
        : train.job().withStepSeparator(TrainOptions.separator(stepSeparator));
  }
}
