package dev.sphere.engine.reward;

import dev.sphere.base.InFlight;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.search.FinalAnswer;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/**
 * A process reward without a process reward model (Math-Shepherd, OmegaPRM): a step is worth the share of K completions
 * from it that reach the right answer. A step that completes the solution is worth its own outcome.
 *
 * <p>The rollouts of all candidates run at once and share the path's KV cache. The path's root must be the prompt, its
 * other nodes the solution's steps, and the tokens those of the policy that is given here.
 */
public final class MonteCarloPrm implements ProcessRewardModel {
  private static final int WAVES = 4;

  private final Policy policy;
  private final OutcomeReward outcome;
  private final Settings settings;

  /**
   * How completions are drawn.
   *
   * @param rollouts K, at least 1
   * @param sampling of each token; {@code maxTokens} bounds a completion. A completion cut there counts as wrong
   * @param stopWhenDecided draws the rollouts in waves of a quarter of K and stops when the rest can change neither the
   *     best nor the worst candidate; the scores are then shares of fewer rollouts, the pruning stays the same
   */
  public record Settings(
      @Setting(def = "8", range = "[1, 10000]", label = "K", needs = "prm=mc", source = "as Math-Shepherd",
          help = "Rollouts of a step for the Monte Carlo reward.")
      int rollouts,
      @Nested(rename = "max_tokens", to = @Setting(name = "max_tokens", range = "[1, )", label = "N", unit = "tokens",
          needs = "prm=mc or probe", shown = "1024; embedded models: 256",
          help = "Most tokens of a whole solution: a Monte Carlo completion, or a draw of the probe."))
      SamplingSettings sampling,
      @Setting(name = "early_stop", needs = "prm=mc",
          help = "Stop the rollouts of an expansion when they can no longer change what survives.")
      boolean stopWhenDecided) {
    public Settings {
      SettingsTree.requireRanges(Settings.class, rollouts, sampling, stopWhenDecided);
    }

    /** K = 8 at temperature 0.8, completions of at most 1024 tokens, every rollout drawn. */
    public static Settings defaults() {
      return SettingsTree.of(Settings.class).make(Settings.class, GivenSettings.nothing(), Map.of("max_tokens", 1024), Map.of());
    }
  }

  public MonteCarloPrm(Policy policy, OutcomeReward outcome, Settings settings) {
    this.policy = policy;
    this.outcome = outcome;
    this.settings = settings;
  }

  @Override
  public double[] score(Problem problem, TokenPath path, DrawKey key, List<Generation> candidates)
      throws InterruptedException {
    return judge(problem, path, key, candidates).scores();
  }

  @Override
  public Judgement judge(Problem problem, TokenPath path, DrawKey key, List<Generation> candidates)
      throws InterruptedException {
    String before = Solutions.text(policy, path);
    Tally[] tallies = new Tally[candidates.size()];
    for (int i = 0; i < tallies.length; i++) {
      Generation step = candidates.get(i);
      tallies[i] = new Tally(i, before + step.text(), path.extend(step.tokens()));
      if (Solutions.complete(step, path.marker(), tallies[i].text)) {
        tallies[i].settle(correct(problem, tallies[i], ""));
      } else if (step.finish() == Generation.Finish.LENGTH) {
        tallies[i].settle(false);
        tallies[i].cut = true;
      }
    }
    int wave = settings.stopWhenDecided() ? Math.ceilDiv(settings.rollouts(), WAVES) : settings.rollouts();
    long drawn = 0;
    for (int from = 0; from < settings.rollouts() && !decided(tallies); from += wave) {
      drawn += roll(problem, key, tallies, from, Math.min(settings.rollouts(), from + wave));
    }
    double[] scores = new double[tallies.length];
    int[] rollouts = new int[tallies.length];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = tallies[i].share();
      rollouts[i] = tallies[i].settled ? 0 : tallies[i].drawn;
    }
    return new Judgement(scores, rollouts, drawn);
  }

  /**
   * Draws rollouts {@code from} to {@code to} of every open candidate, all candidates at the same time; their tokens.
   */
  private long roll(Problem problem, DrawKey key, Tally[] tallies, int from, int to) throws InterruptedException {
    List<Tally> open = new ArrayList<>();
    List<Callable<List<Generation>>> calls = new ArrayList<>();
    for (Tally tally : tallies) {
      if (!tally.settled) {
        open.add(tally);
        calls.add(() -> policy.generate(tally.path, requests(key, tally, from, to)));
      }
    }
    List<List<Generation>> answers = InFlight.together(calls);
    long drawn = 0;
    for (int i = 0; i < answers.size(); i++) {
      for (Generation completion : answers.get(i)) {
        boolean whole = completion.finish() != Generation.Finish.LENGTH;
        open.get(i).count(whole && correct(problem, open.get(i), completion.text()));
        drawn += completion.tokens().length;
      }
    }
    return drawn;
  }

  private boolean correct(Problem problem, Tally candidate, String completion) {
    return outcome.correct(problem, candidate.path.marker().solutionOrAll(candidate.text + completion));
  }

  private List<Policy.Request> requests(DrawKey key, Tally candidate, int from, int to) {
    StopRule stop = FinalAnswer.stop(candidate.path.marker(), candidate.text);
    List<Policy.Request> requests = new ArrayList<>();
    for (int k = from; k < to; k++) {
      int draw = candidate.index * settings.rollouts() + k;
      requests.add(
          new Policy.Request(new DrawKey(key.seed(), key.problem(), key.node(), draw), settings.sampling(), stop));
    }
    return requests;
  }

  /**
   * True when further rollouts can change neither S_max (the first with the highest score) nor S_min (the last with the
   * lowest): the present best's lowest possible score beats every other's highest, and likewise below. That must hold
   * with the candidates that were cut and without them: the search may pass those over.
   */
  private boolean decided(Tally[] all) {
    Tally[] whole = Arrays.stream(all).filter(t -> !t.cut).toArray(Tally[]::new);
    return decidedAmong(all) && (whole.length == 0 || decidedAmong(whole));
  }

  private boolean decidedAmong(Tally[] tallies) {
    int best = 0;
    int worst = 0;
    boolean open = false;
    for (int i = 0; i < tallies.length; i++) {
      open |= !tallies[i].settled;
      best = tallies[i].share() > tallies[best].share() ? i : best;
      worst = tallies[i].share() <= tallies[worst].share() ? i : worst;
    }
    if (!open) {
      return true;
    }
    if (!settings.stopWhenDecided()) {
      return false;
    }
    for (int i = 0; i < tallies.length; i++) {
      if (i != best && !(tallies[best].least(settings.rollouts()) > tallies[i].most(settings.rollouts()))
          || i != worst && !(tallies[worst].most(settings.rollouts()) < tallies[i].least(settings.rollouts()))) {
        return false;
      }
    }
    return true;
  }

  /** The rollouts of one candidate so far. */
  private static final class Tally {
    final int index;
    final String text;
    final TokenPath path;
    int drawn;
    int right;
    boolean settled;
    boolean cut;

    Tally(int index, String text, TokenPath path) {
      this.index = index;
      this.text = text;
      this.path = path;
    }

    void settle(boolean correct) {
      settled = true;
      count(correct);
    }

    void count(boolean correct) {
      drawn++;
      right += correct ? 1 : 0;
    }

    double share() {
      return drawn == 0 ? 0 : (double) right / drawn;
    }

    double least(int rollouts) {
      return settled ? share() : (double) right / rollouts;
    }

    double most(int rollouts) {
      return settled ? share() : (double) (right + rollouts - drawn) / rollouts;
    }
  }
}
