package dev.sphere.trainer.rl;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.HeldFiles;
import dev.sphere.base.Sha256;
import dev.sphere.base.SplitMix;
import dev.sphere.bindings.device.Arithmetic;
import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.tensor.TrainingKernels;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Problem;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.reward.RewardCommand;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.store.FileSums;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.autodiff.MatmulPrecision;
import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.data.RowReport;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loop.TrainingResult;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.model.TrainableModels;
import dev.sphere.trainer.output.ModelOutput;
import dev.sphere.trainer.output.RunTracker;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import tools.jackson.databind.json.JsonMapper;

/**
 * Policy gradients from files to a file: a model and problems in, an adapter out, and a folder with metrics.jsonl,
 * checkpoints/, the report and TensorBoard's event file.
 *
 * @param model the model that is trained, a GGUF file
 * @param problems to learn from
 * @param measured problems that are measured and not learned from; empty: a share of {@code problems}
 * @param output the run's folder
 * @param artefact the adapter to write; in the run's folder where none is named
 * @param resume goes on from the newest checkpoint, if there is one
 * @param reward scores solutions, where neither the problems' answers nor the settings' command do
 */
@RecordBuilder
public record RlJob(Path model, List<Problem> problems, List<Problem> measured, Path output, Optional<Path> artefact,
    boolean resume, RlSettings settings, Optional<OutcomeReward> reward) implements RlJobBuilder.With {
  /** The adapter that the decoder draws with, in the run's folder. */
  static final String POLICY = "policy.gguf";

  /**
   * What came out.
   *
   * @param result of the loop
   * @param artefact the adapter; none when the run was asked to stop before its end
   * @param trained problems that were learned from
   * @param measured problems that were measured
   */
  public record Outcome(TrainingResult result, Optional<Path> artefact, int trained, int measured) {}

  /** Learns from problems whose answers are compared. */
  public static RlJob of(Path model, List<Problem> problems, Path output, RlSettings settings) {
    return new RlJob(model, problems, List.of(), output, Optional.empty(), false, settings, Optional.empty());
  }

  public RlJob {
    problems = List.copyOf(problems);
    measured = List.copyOf(measured);
    Set<String> ids = problems.stream().map(Problem::id).collect(Collectors.toSet());
    List<String> both = measured.stream().map(Problem::id).filter(ids::contains).toList();
    if (!both.isEmpty()) {
      throw new IllegalArgumentException("problems that are measured must not be learned from: " + both.getFirst()
          + (both.size() == 1 ? " is" : " and " + (both.size() - 1) + " more are") + " in both sets");
    }
  }

  /**
   * Trains.
   *
   * @param stop asked before every update; true: write a checkpoint and return
   */
  public Outcome run(TrainingListener listener, BooleanSupplier stop) throws InterruptedException {
    try (HeldFiles files = new HeldFiles(List.of(model)); GgufFile base = GgufFile.openModel(model);
        RunTracker tracker = new RunTracker(output, 0, listener)) {
      precision(base).use();
      ModelOptions options = options(base);
      try (Model shared = Model.load(model); TrainableModel trainable = TrainableModels.open(base, options)) {
        int fill = TrainableModels.wholeTokens(base, options);
        RlSettings fitted = settings.withTrain(
            settings.train().withPacking(settings.train().packing().withFillTokens(fill)));
        files.requireUnchanged(); // what was hashed is what was loaded
        Outcome outcome = run(fitted, base, trainable, shared, tracker, stop);
        files.requireUnchanged();
        tracker.report(outcome.result, List.of(), new RowReport("problems", RowReport.OnBadRow.SKIP));
        return outcome;
      }
    }
  }

  private Outcome run(RlSettings fitted, GgufFile base, TrainableModel trainable, Model shared, RunTracker tracker,
      BooleanSupplier stop) throws InterruptedException {
    createFolder();
    ChatTemplate template = ChatTemplate.of(shared, settings.prompts().template());
    Path start = output.resolve(POLICY);
    List<List<Problem>> split = split();
    Identity identity = identity(base, split);
    RewardCommand command = settings.rewardCommand() == null ? null
        : new RewardCommand(settings.rewardCommand(), settings.rewardSeconds(), tracker::note);
    OutcomeReward outcome = command != null ? command : reward.orElseGet(GradedAnswers::new);
    ModelOutput.adapter(start, base, trainable.parameters(), settings.tuning().scaledAlpha(),
        new TrainingResult(0, false, null, null, identity));
    try (command; Rewards rewards = new Rewards(outcome, output, command != null);
        BatchedPolicy policy =
            BatchedPolicy.of(shared, start, template, BatchedPolicy.Options.auto(shared, 0))) {
      List<Problem> learned = fitting(split.getFirst(), policy, tracker);
      List<Problem> held = fitting(split.getLast(), policy, tracker);
      if (learned.isEmpty()) {
        throw new IllegalArgumentException("there is nothing to learn from: no problem is left");
      }
      TrainingResult result = new RlLoop(new RlLoop.Parts(fitted, base, trainable, policy, rewards, learned, held, output,
          resume, identity, tracker, stop)).run();
      Optional<Path> written = Optional.empty();
      if (result.complete()) {
        FileSums sums = new FileSums(output);
        sums.check("written again from the last checkpoint").forEach(f -> tracker.note(f.toString()));
        Path file = artefact.orElse(output.resolve("adapter.gguf"));
        ModelOutput.adapter(file, base, trainable.parameters(), settings.tuning().scaledAlpha(), result);
        sums.put(file);
        written = Optional.of(file);
      }
      return new Outcome(result, written, learned.size(), held.size());
    }
  }

  private void createFolder() {
    try {
      AtomicFile.createFolders(output);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make the folder " + output + ": " + e.getMessage(), e);
    }
  }

  /**
   * One precision for sampler and trainer, unless another one is told: what was drawn is then the learning policy's own,
   * to rounding. It is F32 where the two would round otherwise: with F16 weights, or where the trainer rounds nothing.
   */
  private Precision precision(GgufFile base) {
    boolean f16 = base.tensors().values().stream().anyMatch(t -> t.type() == GgmlType.F16);
    boolean f32 = settings.precision().activations() == Activations.AUTO && AttentionKernel.oneRow()
        && (f16 || !TrainingKernels.hasBf16());
    return f32 ? new Precision(Activations.F32) : settings.precision();
  }

  private ModelOptions options(GgufFile base) {
    return settings.tuning()
        .options(settings.train().seed(), settings.train().threads(), settings.train().packing().microBatchTokens())
        .withActivationBytes((long) settings.activationMib() << 20)
        .withProducts(switch (precision(base).activations()) {
          case AUTO, BF16, INT16 -> MatmulPrecision.AUTO;
          case F32 -> MatmulPrecision.F32;
          case INT8 -> MatmulPrecision.INT8;
        });
  }

  /** Problems to learn from and to measure: which is which follows from id and seed. */
  private List<List<Problem>> split() {
    int n = Math.min(RlSettings.MOST_HELD_OUT, (int) Math.round(settings.evalShare() * problems.size()));
    if (!measured.isEmpty() || n == 0) {
      return List.of(problems, measured);
    }
    Comparator<Problem> byKey =
        Comparator.comparingLong(p -> SplitMix.mix(SplitMix.hash(p.id()) ^ settings.train().seed()));
    Set<Problem> held = problems.stream().sorted(byKey).limit(n).collect(Collectors.toSet());
    return List.of(problems.stream().filter(p -> !held.contains(p)).toList(), List.copyOf(
        problems.stream().filter(held::contains).toList()));
  }

  /** Those whose prompts leave room for a solution. */
  private List<Problem> fitting(List<Problem> all, BatchedPolicy policy, RunTracker tracker) {
    List<Problem> fit = new ArrayList<>();
    for (Problem p : all) {
      int[] prompt = policy.tokenizePrompt(policy.prompt(settings.prompts().ask(p)));
      if (prompt.length + settings.maxTokens() <= policy.maxSequence()) {
        fit.add(p);
      }
    }
    if (fit.size() < all.size()) {
      tracker.note((all.size() - fit.size()) + " of " + all.size() + " problems are left out: with " + settings.maxTokens()
          + " tokens of a solution they exceed the " + policy.maxSequence() + " tokens that fit");
    }
    return fit;
  }

  private Identity identity(GgufFile base, List<List<Problem>> split) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("objective", "rl");
    all.put(Arithmetic.NAME, Arithmetic.here());
    all.putAll(SettingsTree.resultValues(settings));
    all.put("activations", precision(base).activations().here().name().toLowerCase(Locale.ROOT));
    return new Identity(base.sha256(), Sha256.of(JsonMapper.shared().writeValueAsString(split)), all);
  }
}
