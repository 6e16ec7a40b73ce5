package dev.sphere.trainer.rl;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.InFlight;
import dev.sphere.base.PlainFile;
import dev.sphere.base.SplitMix;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Generation.Finish;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.engine.store.StoreException;
import dev.sphere.trainer.checkpoint.Checkpoints;
import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.checkpoint.MetricSums;
import dev.sphere.trainer.checkpoint.MetricsLog;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.loop.DataOrder;
import dev.sphere.trainer.loop.NonFiniteLossException;
import dev.sphere.trainer.loop.Trainer;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loop.TrainingResult;
import dev.sphere.trainer.optim.Optimizer;
import dev.sphere.trainer.output.ModelOutput;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * Draw, weigh, update, and again. The decoder draws with the adapter as it stands, the trainer moves it, and the decoder
 * gets it back: the model's own weights never change.
 *
 * <p>A killed run goes on from its newest checkpoint to the same bytes: what is drawn follows from the seed and the
 * update's number, and what the clock decides is written down before it is done.
 */
final class RlLoop {
  /** Everything that a run is made of. */
  record Parts(RlSettings settings, GgufFile base, TrainableModel model, BatchedPolicy policy, Rewards rewards,
      List<Problem> problems, List<Problem> heldOut, Path output, boolean resume, Identity identity,
      TrainingListener listener, BooleanSupplier stop) {}

  private static final long VALIDATION = SplitMix.hash("rl validation");
  private static final double MEMORY = 0.9; // of a solution's mean number of lines, from update to update
  private static final int IN_FLIGHT = 256;

  private final Parts parts;
  private final RlSettings settings;
  private final TreeDraws draws;
  private final DataOrder order;
  private final List<Parameter> best = new ArrayList<>(); // the parameters of the best validation; none without
  private final MetricSums metrics = new MetricSums();
  private Optimizer optimizer;
  private long drawn;
  private long adapted = -1; // optimizer steps behind the decoder's adapter

  // What a checkpoint holds besides: numbers that later updates depend on.
  private final NativeFloats state = NativeFloats.allocate(4);
  private static final int LINES = 0; // mean of a solution; NaN where no draw has told
  private static final int SCORE = 1; // of the best validation; -1 before the first
  private static final int WAITED = 2; // validations since
  private static final int SECONDS = 3;

  RlLoop(Parts parts) {
    this.parts = parts;
    this.settings = parts.settings;
    this.draws = new TreeDraws(parts.policy, settings.train().seed(), settings.widths(), settings.maxTokens());
    this.order = new DataOrder(settings.train(), parts.problems.stream().map(Problem::id).toList());
  }

  /** Updates to the end, or until the stop is asked for. */
  @SuppressWarnings("try") // the lock is held, not used
  TrainingResult run() throws InterruptedException {
    Path folder = parts.output.resolve("checkpoints");
    try (FileChannel lock = Trainer.lock(parts.output);
        Optimizer made = Optimizer.create(
            settings.train().optimizer(), parts.model.parameters(), settings.train().threads())) {
      if (!parts.resume && !Checkpoints.files(folder).isEmpty()) {
        throw new StoreException.Refused(
            folder + " holds checkpoints of an earlier run. Resume it, remove it, or use another output folder");
      }
      optimizer = made;
      state.write(0, new float[] {Float.NaN, -1, 0, 0});
      if (!parts.heldOut.isEmpty()) {
        parts.model.parameters().forEach(p -> best.add(new Parameter(
            p.name(), p.shape(), p.value().allocateBeside(p.value().size()), p.gradient(), p.decay())));
      }
      Map<String, NativeFloats> more = new LinkedHashMap<>(Map.of("rl.state", state));
      best.forEach(p -> more.put("best." + p.name(), p.value()));
      Checkpoints checkpoints = new Checkpoints(
          folder, parts.identity, parts.model.parameters(), optimizer, parts.listener::note, more);
      Checkpoints.Position start = checkpoints.restore();
      if (!parts.resume) {
        Files.deleteIfExists(ends()); // of an earlier run whose checkpoints were moved away
      }
      drawn = start.tokens();
      try (MetricsLog log =
          new MetricsLog(MetricsLog.in(parts.output), start.metrics(), parts.listener::note)) {
        return updates(start, checkpoints, log);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot use the run's folder " + parts.output + ": " + e.getMessage(), e);
    } finally {
      best.forEach(p -> p.value().close());
      state.close();
    }
  }

  private TrainingResult updates(Checkpoints.Position start, Checkpoints checkpoints, MetricsLog log)
      throws InterruptedException {
    int update = start.step();
    long begun = System.nanoTime() - (long) (state.get(SECONDS) * 1e9);
    int last = update == 0 ? last() : Math.min(last(), ended(update, begun));
    Path saved = start.file();
    int savedAt = update;
    StepMetrics told = null;
    optimizer.clearGradients();
    parts.listener.started(update, last == Integer.MAX_VALUE ? 0 : last);
    if (update == 0 && !parts.heldOut.isEmpty()) {
      validate(0);
      told = tell(0, last, log);
    }
    while (update < last && !parts.stop.getAsBoolean()) {
      update(update, last);
      update++;
      last = Math.min(last, ended(update, begun));
      boolean due = update == last || settings.evalEvery() > 0 && update % settings.evalEvery() == 0;
      if (due && !parts.heldOut.isEmpty()) {
        validate(update);
        last = Math.min(last, ended(update, begun));
      }
      told = tell(update, last, log);
      state.set(SECONDS, (float) ((System.nanoTime() - begun) / 1e9));
      if (settings.train().saveEvery() > 0 && update % settings.train().saveEvery() == 0) {
        saved = save(update, checkpoints, log);
        savedAt = update;
      }
    }
    if (saved == null || savedAt != update) {
      saved = save(update, checkpoints, log);
    }
    if (update == last && state.get(SCORE) >= 0) {
      copy(best, parts.model.parameters()); // what is written is the best; the checkpoint has the last
    }
    return new TrainingResult(update, update >= last, told, saved, parts.identity);
  }

  // --- when it ends ---

  /** Where the number of the last update is written down once the clock has decided it. */
  private Path ends() {
    return parts.output.resolve("ends-after");
  }

  /** Number of the last update as far as it is known. */
  private int last() {
    try {
      if (PlainFile.exists(ends())) {
        return Integer.parseInt(new String(PlainFile.bytes(ends()), StandardCharsets.UTF_8).strip());
      }
    } catch (IOException | NumberFormatException e) {
      parts.listener.note(ends() + " cannot be read (" + e.getMessage() + "); the clock decides again");
    }
    return settings.endless() ? Integer.MAX_VALUE : settings.train().totalSteps(parts.problems.size());
  }

  /** This update, when tokens, patience or time have come to their end with it; no limit while they have not. */
  private int ended(int update, long begun) {
    boolean tokens = settings.tokens() > 0 && drawn >= settings.tokens();
    boolean patience = settings.patience() > 0 && state.get(WAITED) >= settings.patience();
    boolean time = settings.seconds() != null && System.nanoTime() - begun >= settings.seconds() * 1e9;
    if (time && !tokens && !patience && !Files.exists(ends())) {
      AtomicFile.writeText(ends(), update + "\n");
      return update;
    }
    return tokens || patience ? update : Integer.MAX_VALUE;
  }

  // --- one update ---

  private void update(int update, int last) throws InterruptedException {
    long begin = System.nanoTime();
    adapt(update);
    long ready = System.nanoTime();
    List<Problem> batch = order.step(update).stream().map(parts.problems::get).toList();
    List<int[]> prompts = batch.stream().map(this::prompt).toList();
    List<Integer> places = TreeDraws.places(state.get(LINES), settings.widths().size());
    List<DrawTree> trees = draws.draw(asked(batch, prompts), update, places);
    long finished = System.nanoTime();
    for (int i = 0; i < trees.size(); i++) {
      Problem problem = batch.get(i);
      trees.get(i).weigh(leaf -> leaf.cut() ? 0 : parts.rewards.score(update, problem, leaf.text()),
          settings.loss().baseline(), settings.loss().scale());
    }
    parts.rewards.sync();
    long weighed = System.nanoTime();
    report(trees);
    learn(update, last, batch, prompts, trees);
    long end = System.nanoTime();
    metrics.add("seconds/adapter", (ready - begin) / 1e9);
    metrics.add("seconds/draw", (finished - ready) / 1e9);
    metrics.add("seconds/weigh", (weighed - finished) / 1e9);
    metrics.add("seconds/update", (end - weighed) / 1e9);
    long tokens = trees.stream().flatMap(t -> t.edges().stream())
        .mapToLong(e -> (long) e.count() * e.edge().tokens().length).sum();
    drawn += tokens;
    metrics.add("drawn_tokens", tokens);
    metrics.add("tokens_per_second", tokens / ((end - begin) / 1e9));
  }

  private List<TreeDraws.Asked> asked(List<Problem> batch, List<int[]> prompts) {
    List<TreeDraws.Asked> asked = new ArrayList<>();
    for (int i = 0; i < batch.size(); i++) {
      asked.add(new TreeDraws.Asked(SplitMix.hash(batch.get(i).id()), prompts.get(i)));
    }
    return asked;
  }

  private int[] prompt(Problem problem) {
    return parts.policy.tokenizePrompt(parts.policy.prompt(settings.prompts().ask(problem)));
  }

  /** Gives the decoder the adapter as it stands; what was computed with the one before is forgotten. */
  private void adapt(int update) throws InterruptedException {
    if (adapted == optimizer.steps()) {
      return;
    }
    Path file = parts.output.resolve(RlJob.POLICY);
    ModelOutput.adapter(file, parts.base, parts.model.parameters(), settings.tuning().scaledAlpha(),
        new TrainingResult(update, false, null, null, parts.identity));
    parts.policy.adapt(file);
    adapted = optimizer.steps();
  }

  /** What was drawn, in TRL's names; and how many lines a solution has, for the places of the next update. */
  private void report(List<DrawTree> trees) {
    double tokens = 0;
    double cut = 0;
    double lines = 0;
    double even = 0;
    double reward = 0;
    for (DrawTree tree : trees) {
      reward += tree.value() / trees.size();
      even += tree.edges().stream().noneMatch(e -> e.advantage() != 0) ? 1.0 / trees.size() : 0;
      for (DrawTree leaf : tree.edges()) {
        if (leaf.children().isEmpty()) {
          double share = leaf.mass() / trees.size();
          tokens += share * leaf.tokens().length;
          cut += share * (leaf.cut() ? 1 : 0);
          lines += share * TreeDraws.linesOf(leaf.text());
        }
      }
    }
    metrics.add("reward", reward);
    metrics.add("frac_reward_zero_std", even);
    metrics.add("completions/mean_length", tokens);
    metrics.add("completions/clipped_ratio", cut);
    double before = state.get(LINES);
    state.set(LINES, (float) (Double.isNaN(before) ? lines : MEMORY * before + (1 - MEMORY) * lines));
  }

  private void learn(int update, int last, List<Problem> batch, List<int[]> prompts, List<DrawTree> trees) {
    PolicyLoss loss = settings.loss();
    TreeBatch packed = new TreeBatch(
        batch.stream().map(Problem::id).toList(), prompts, trees, loss, settings.train().packing());
    if (packed.packed().isEmpty()) {
      metrics.add("loss", 0); // all draws of each problem are alike
      return;
    }
    double z = loss.normaliser(trees, settings.maxTokens());
    TreeBatch.Seen seen = null;
    for (int pass = 0; pass < loss.passes(); pass++) {
      seen = new TreeBatch.Seen();
      for (MicroBatch m : packed.packed()) {
        pass(packed, m, z, pass == 0, seen);
      }
      if (pass == 0) {
        metrics.add("sampling/sampling_logp_difference/mean", seen.difference / seen.compared);
        metrics.add("sampling/sampling_logp_difference/max", seen.furthest);
        metrics.add("entropy", seen.entropy / Math.max(1, seen.entropies));
      }
      double norm = optimizer.gradientNorm();
      if (!Double.isFinite(norm) || !Double.isFinite(seen.loss)) {
        throw new NonFiniteLossException(update + 1, "the loss or its gradient is not finite", packed.ids());
      }
      double rate = settings.train().optimizer().learningRate() * settings.train().schedule().factor(update, last);
      optimizer.step(rate, optimizer.clipFactor(norm));
      metrics.add("grad_norm", norm);
      metrics.add("learning_rate", rate);
    }
    metrics.add("loss", seen.loss);
    metrics.add("clip_ratio", (double) seen.tokens.clipped / seen.tokens.tokens);
    if (loss.kl() > 0) {
      metrics.add("kl", seen.tokens.kl / seen.tokens.tokens);
    }
  }

  private void pass(TreeBatch packed, MicroBatch m, double z, boolean first, TreeBatch.Seen seen) {
    float[] reference = settings.loss().kl() > 0 ? parts.model.logProbs(m.batch(), true) : null;
    parts.model.backward(m.batch(), logProbs -> packed.slopes(m, logProbs, reference, z, first, seen));
    packed.see(m, parts.model.distributions(), seen);
  }

  // --- validation ---

  /** Greedy answers and draws of the held-out problems, the same random numbers every time; keeps the best adapter. */
  private void validate(int update) throws InterruptedException {
    adapt(update);
    int k = settings.evalSamples();
    double greedy = 0;
    double samples = 0;
    double lines = 0;
    List<List<Generation>> all = InFlight.run(parts.heldOut, IN_FLIGHT,
        p -> parts.policy.generate(TokenPath.root(prompt(p)), requests(p, k)), (index, result) -> {});
    for (int i = 0; i < all.size(); i++) {
      for (int j = 0; j <= k; j++) {
        Generation g = all.get(i).get(j);
        double score = g.finish() == Finish.END ? parts.rewards.score(update, parts.heldOut.get(i), g.text()) : 0;
        greedy += j == 0 ? score : 0;
        samples += j == 0 ? 0 : score;
        lines += (double) TreeDraws.linesOf(g.text()) / (k + 1) / all.size();
      }
    }
    parts.rewards.sync();
    if (Float.isNaN(state.get(LINES))) {
      state.set(LINES, (float) lines);
    }
    metrics.add("eval_greedy", greedy / all.size());
    if (k > 0) {
      metrics.add("eval_mean_at_k", samples / k / all.size());
    }
    float score = (float) ((greedy + samples) / (k + 1) / all.size());
    boolean better = score > state.get(SCORE);
    state.set(WAITED, better ? 0 : state.get(WAITED) + 1);
    if (better) {
      state.set(SCORE, score);
      copy(parts.model.parameters(), best);
    }
  }

  private List<Policy.Request> requests(Problem problem, int samples) {
    List<Policy.Request> requests = new ArrayList<>();
    for (int i = 0; i <= samples; i++) {
      DrawKey key = new DrawKey(settings.train().seed(), SplitMix.hash(problem.id()), VALIDATION, i);
      SamplingSettings how = i == 0
          ? SamplingSettings.greedy(settings.maxTokens()) : SamplingSettings.temperature(1, settings.maxTokens());
      requests.add(new Policy.Request(key, how, StopRule.never()));
    }
    return requests;
  }

  private static void copy(List<Parameter> from, List<Parameter> to) {
    float[] chunk = new float[1 << 16];
    for (int i = 0; i < from.size(); i++) {
      NativeFloats values = from.get(i).value();
      for (long at = 0; at < values.size(); at += chunk.length) {
        int n = (int) Math.min(chunk.length, values.size() - at);
        values.read(at, chunk, n);
        to.get(i).value().write(at, chunk, n);
      }
    }
  }

  // --- what is kept ---

  private StepMetrics tell(int update, int last, MetricsLog log) {
    Map<String, Double> values = metrics.means();
    metrics.clear();
    values.put("num_tokens", (double) drawn);
    StepMetrics told =
        new StepMetrics(update, (double) update / settings.train().stepsPerEpoch(parts.problems.size()), values);
    log.write(told);
    parts.listener.step(told, last == Integer.MAX_VALUE ? 0 : last);
    return told;
  }

  private Path save(int update, Checkpoints checkpoints, MetricsLog log) {
    Path file = checkpoints.save(update, drawn, metrics, log.lines(), settings.train().keepLast());
    parts.listener.checkpoint(file);
    return file;
  }
}
