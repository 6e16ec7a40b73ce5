package dev.sphere.cli.option;

import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.gguf.GgmlType;
import dev.sphere.trainer.data.Packing;
import dev.sphere.trainer.data.RowReport.OnBadRow;
import dev.sphere.trainer.job.HeldOut;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.Tuning;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.optim.OptimizerSettings;
import dev.sphere.trainer.optim.Schedule;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import picocli.CommandLine.Option;

/** The flags that all {@code train} commands share. */
public final class TrainOptions {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "MODEL",
      description = "The model to start from: a GGUF file, 'embedded' or 'embedded-small'.")
  public String model;

  @Option(
      names = {"--adapter-out", "--model-out"},
      paramLabel = "FILE",
      description = "The adapter (or, with --method full, the model) to write (default: in the folder of --out).")
  private Path artefact;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Folder for metrics.jsonl and checkpoints/ (default: FILE.run beside --adapter-out).")
  public Path out;

  @Option(
      names = "--method",
      defaultValue = "lora",
      paramLabel = "METHOD",
      description = "lora (an adapter on the frozen model) or full (all weights); default: ${DEFAULT-VALUE}.")
  private String method;

  @Option(names = "--lora-rank", defaultValue = "16", description = "Rank of the adapter (default: ${DEFAULT-VALUE}).")
  private int loraRank;

  @Option(
      names = "--lora-alpha",
      paramLabel = "A",
      description = "The adapter is scaled by alpha / rank (default: twice the rank).")
  private Double loraAlpha;

  @Option(
      names = "--lora-targets",
      split = ",",
      paramLabel = "LAYER",
      description = "Linear layers to adapt: attn_q, attn_k, attn_v (phi3: attn_qkv), attn_output, ffn_gate, ffn_up, ffn_down (default: all).")
  private Set<String> loraTargets = ModelOptions.LINEAR_LAYERS;

  @Option(names = "--rslora", description = "Scales the adapter by alpha / sqrt(rank) (rsLoRA; default: alpha / rank).")
  private boolean rankStabilised;

  @Option(
      names = "--dora",
      description = {
        "Trains each row's length beside its direction (DoRA). llama.cpp cannot apply such an adapter: 'sphere model merge'",
        "puts it into the weights, 'sphere model adapter' turns it into PEFT's form."
      })
  private boolean magnitudes;

  @Option(names = "--optimizer", defaultValue = "adamw", description = "adamw or sgd (default: ${DEFAULT-VALUE}).")
  private String optimizer;

  @Option(names = "--learning-rate", paramLabel = "LR", description = "Peak learning rate (default: 1e-5).")
  private double learningRate = 1e-5;

  @Option(
      names = "--schedule",
      defaultValue = "linear",
      description = "constant, linear, cosine or wsd (warmup, stable, decay), after the warmup (default: ${DEFAULT-VALUE}).")
  private String schedule;

  @Option(
      names = "--warmup",
      defaultValue = "0.1",
      paramLabel = "W",
      description = "Rise of the rate: a share of all steps below 1, else a number of steps (default: ${DEFAULT-VALUE}).")
  private double warmup;

  @Option(names = "--weight-decay", defaultValue = "0", description = "Decoupled weight decay (default: ${DEFAULT-VALUE}).")
  private double weightDecay;

  @Option(names = "--beta1", defaultValue = "0.9", description = "AdamW's first decay (default: ${DEFAULT-VALUE}).")
  private double beta1;

  @Option(names = "--beta2", defaultValue = "0.999", description = "AdamW's second decay (default: ${DEFAULT-VALUE}).")
  private double beta2;

  @Option(names = "--momentum", defaultValue = "0", description = "SGD's momentum (default: ${DEFAULT-VALUE}).")
  private double momentum;

  @Option(
      names = "--max-grad-norm",
      defaultValue = "1",
      description = "Gradients are scaled down to this norm; 0: never (default: ${DEFAULT-VALUE}).")
  private double maxGradNorm;

  @Option(names = "--epochs", defaultValue = "1", description = "Passes over the data (default: ${DEFAULT-VALUE}).")
  private int epochs;

  @Option(names = "--steps", defaultValue = "0", description = "Optimizer steps, instead of epochs; 0: as the epochs have.")
  private int steps;

  @Option(
      names = {"--batch-pairs", "--batch-size"},
      defaultValue = "16",
      paramLabel = "N",
      description = "Pairs (dpo) or rows (sft) of an optimizer step (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(
      names = "--micro-batch-tokens",
      defaultValue = "4096",
      paramLabel = "N",
      description = "Token slots computed at once; less memory, the same result to rounding (default: ${DEFAULT-VALUE}).")
  private int microBatchTokens;

  @Option(
      names = "--activation-mib",
      defaultValue = "1024",
      paramLabel = "MIB",
      description = "Memory for activations; layers that find no room are computed again (default: ${DEFAULT-VALUE}).")
  private int activationMiB;

  @Option(
      names = "--max-length",
      defaultValue = "2048",
      paramLabel = "N",
      description = "Most tokens of prompt and completion; the model's context if that is less (default: ${DEFAULT-VALUE}).")
  private int maxLength;

  @Option(
      names = "--chat-template",
      paramLabel = "TEMPLATE",
      description = "How a dialogue is rendered: plain, or a file of Jinja text (default: the model's own).")
  private String template;

  @Option(
      names = "--sharing",
      defaultValue = "tree",
      description = "What computes common beginnings once: tree, pair or none (default: ${DEFAULT-VALUE}).")
  private String sharing;

  @Option(
      names = "--order",
      defaultValue = "trees",
      description = "What is shuffled: trees (their pairs stay together), examples, or given (default: ${DEFAULT-VALUE}).")
  private TrainSettings.Order order;

  @Option(names = "--seed", defaultValue = "0", description = "Of the order and the adapter's start (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      description = "Matrices of a whole model: f32, f16, bf16, q8_0, q4_k, q6_k, ... (default: as in the base).")
  private String type;

  @Option(names = "--save-every", defaultValue = "100", description = "A checkpoint every N steps (default: ${DEFAULT-VALUE}).")
  private int saveEvery;

  @Option(names = "--keep-last", defaultValue = "2", description = "Checkpoints that are kept (default: ${DEFAULT-VALUE}).")
  private int keepLast;

  @Option(names = "--log-every", defaultValue = "1", description = "A line of metrics every N steps (default: ${DEFAULT-VALUE}).")
  private int logEvery;

  @Option(
      names = "--eval-data",
      paramLabel = "FILE",
      description = "Rows that are measured and not trained on, as eval_... in the metrics.")
  private Path evalData;

  @Option(
      names = "--eval-share",
      defaultValue = "0",
      paramLabel = "S",
      description = "Share of the training rows that is held out and measured, whole trees (default: ${DEFAULT-VALUE}).")
  private double evalShare;

  @Option(
      names = "--eval-every",
      defaultValue = "0",
      paramLabel = "N",
      description = "Steps between two readings of the held-out rows; 0: at the start and the end (default: ${DEFAULT-VALUE}).")
  private int evalEvery;

  @Option(
      names = "--dry-run",
      description = "Trains nothing: prints parameters, rows, steps, the peak of memory and the time that are to be expected.")
  public boolean dryRun;

  @Option(names = "--resume", description = "Goes on from the newest checkpoint in the output folder, if there is one.")
  private boolean resume;

  @Option(
      names = "--bad-rows",
      defaultValue = "skip",
      description = "Rows that cannot be used: skip (named and counted) or refuse (default: ${DEFAULT-VALUE}).")
  private OnBadRow badRows;

  @Option(names = "--threads", description = "Threads that compute (default: all cores).")
  public int threads = Runtime.getRuntime().availableProcessors();

  @Option(names = "--json", description = "One JSON object about the run as the last line.")
  public boolean json;

  /** The job that the flags describe. */
  public TrainJob job() {
    if (!method.equals("lora") && !method.equals("full")) {
      throw new IllegalArgumentException("--method must be lora or full, not '" + method + "'");
    }
    Tuning tuning = method.equals("full")
        ? Tuning.full()
        : new Tuning(loraRank, loraAlpha == null ? 2.0 * loraRank : loraAlpha, loraTargets);
    if (method.equals("lora") && loraRank < 1) {
      throw new IllegalArgumentException("--lora-rank must be at least 1: " + loraRank);
    }
    GgmlType matrices = type == null ? null : GgmlType.byLabel(type);
    if (activationMiB < 1) {
      throw new IllegalArgumentException("--activation-mib must be at least 1 MiB: " + activationMiB);
    }
    if (artefact == null && out == null && !dryRun) {
      throw new IllegalArgumentException("give --adapter-out FILE (the GGUF to write), --out DIR (its folder), or both");
    }
    if (artefact != null && dryRun) {
      Inputs.checkWritable(artefact);
    } else if (artefact != null) {
      Inputs.requireWritable(artefact);
    }
    if (evalData != null && !Files.isDirectory(evalData)) {
      Inputs.require(evalData);
    }
    Path folder = out != null ? out : Path.of(artefact + ".run");
    return TrainJob.of(ModelSource.resolve(model), folder, settings())
        .withArtefact(artefact)
        .withTuning(tuning.withRankStabilised(rankStabilised).withMagnitudes(magnitudes))
        .withHeldOut(new HeldOut(evalData, evalShare, evalEvery))
        .withMaxLength(maxLength)
        .withOnBadRow(badRows)
        .withType(matrices)
        .withActivationBytes((long) activationMiB << 20)
        .withTemplate(ChatTemplate.named(template))
        .withResume(resume);
  }

  private TrainSettings settings() {
    OptimizerSettings base = switch (optimizer) {
      case "adamw" -> OptimizerSettings.adamw(learningRate).withBetas(beta1, beta2);
      case "sgd" -> OptimizerSettings.sgd(learningRate, momentum);
      default -> throw new IllegalArgumentException("--optimizer must be adamw or sgd, not '" + optimizer + "'");
    };
    Schedule.Kind shape = Schedule.Kind.of(schedule);
    if (warmup < 0) {
      throw new IllegalArgumentException("--warmup must not be negative: " + warmup);
    }
    return TrainSettings.defaults(learningRate)
        .withOptimizer(base.withWeightDecay(weightDecay).withMaxGradNorm(maxGradNorm))
        .withSchedule(warmup < 1 ? Schedule.ofRatio(shape, warmup) : Schedule.of(shape, (int) warmup))
        .withPacking(Packing.defaults()
            .withSharing(Packing.Sharing.of(sharing))
            .withMicroBatchTokens(microBatchTokens))
        .withBatchSize(batch)
        .withEpochs(epochs)
        .withMaxSteps(steps)
        .withOrder(order)
        .withSeed(seed)
        .withCheckpoints(saveEvery, keepLast)
        .withLogEvery(logEvery)
        .withThreads(threads);
  }

  /** A file of rows, or the {@code pairs.jsonl} of a run's folder. */
  public static Path data(Path given) {
    Path file = Files.isDirectory(given) ? given.resolve("pairs.jsonl") : given;
    Inputs.require(file);
    return file;
  }

  /** The text of a separator as a command line has it: \\n stands for a line feed. */
  public static String separator(String told) {
    return told == null ? null : told.replace("\\n", "\n");
  }
}
