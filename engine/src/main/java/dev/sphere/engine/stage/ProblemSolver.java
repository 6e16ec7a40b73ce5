package dev.sphere.engine.stage;

import dev.sphere.engine.Generation;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.probe.Prober;
import dev.sphere.engine.search.Permits;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.search.SphereSearch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.LongConsumer;

/**
 * Solves problems, one at a time (SPHERE, arXiv 2503.04813). The probe draws whole solutions; then come the paper's
 * three stages: self-generation, self-correction, diversity induction. The records of a problem depend on models,
 * options and the problem alone. Safe for many threads, one problem each; calls block.
 */
public final class ProblemSolver {
  /** The source of a pair that is made of the probe's solutions. */
  static final String PROBE = "probe";
  private static final int[] TEXT_ONLY = {};

  private final Models models;
  private final SolverOptions options;
  private final Permits room;
  private final LongConsumer meter;

  /**
   * The models that solve problems.
   *
   * @param policy π with its process reward
   * @param small π_small of stage 3; without it the stage is skipped
   */
  public record Models(Actor policy, Optional<Actor> small) {}

  /** Explores and corrects one branch after the other. */
  public ProblemSolver(Models models, SolverOptions options) {
    this(models, options, new Permits(1), tokens -> {});
  }

  /**
   * @param room of the run; where it has places, chains and corrections of a problem go side by side, and the log is
   *     called from several threads
   * @param meter given the number of tokens of each call to a policy, from the working threads
   */
  public ProblemSolver(Models models, SolverOptions options, Permits room, LongConsumer meter) {
    this.models = models;
    this.options = options;
    this.room = room;
    this.meter = meter;
  }

  /** Does a task of a run that another process writes. */
  public ProblemRecords work(Task task) throws InterruptedException {
    return work(task, new ProblemRecords(task.problem().id()));
  }

  /**
   * Does a task, or goes on from where the log left it.
   *
   * @param records of the task's problem; what is on record there is not done again
   * @return {@code records}
   */
  public ProblemRecords work(Task task, ProblemRecords records) throws InterruptedException {
    Work work = new Work(task.problem(), records);
    if (task instanceof Task.Draw) {
      records.append(work.probe());
      return records;
    }
    room.enter();
    try {
      work.stages(task);
      return records;
    } finally {
      room.leave();
    }
  }

  /** A model that explores one problem, its tokens metered. */
  private record Searcher(Policy policy, Explorer explorer) {}

  private record Contrast(Attempt chosen, Attempt rejected) {}

  /** One problem on its way. */
  private final class Work {
    private final Problem problem;
    private final ProblemRecords records;
    private final Searcher large;
    private final Optional<Searcher> small;
    private final StageSettings settings = options.stages();
    private final Pairs.Seen seen = new Pairs.Seen();
    private final MarkedText prompt;
    private final int[] tokens;

    Work(Problem problem, ProblemRecords records) {
      this.problem = problem;
      this.records = records;
      this.large = searcher(models.policy(), 1);
      this.small = models.small().map(actor -> searcher(actor, settings.diversityFactor()));
      MarkedText marked = large.policy.prompt(settings.prompts().ask(problem));
      this.tokens = large.policy.tokenizePrompt(marked);
      // Pairs carry the marks where they count: a message holds the text of a special token.
      boolean plain = Arrays.equals(large.policy.tokenizePrompt(marked.text()), tokens);
      this.prompt = plain ? MarkedText.of(marked.text()) : marked;
    }

    /** Rollouts of the process reward count twice: by the policy that it is given, and as the reward's. */
    private Searcher searcher(Actor actor, int factor) {
      Policy policy = new MeteredPolicy(actor.policy(), n -> {
        records.count(n, 0);
        meter.accept(n);
      });
      PrmFactory prm = metered -> actor.prm().over(new MeteredPolicy(metered, n -> records.count(0, n)));
      return new Searcher(policy, options.strategy().map(way -> way.over(policy, prm))
          .orElseGet(() -> paperSearch(policy, prm, factor)));
    }

    private Explorer paperSearch(Policy policy, PrmFactory prm, int factor) {
      SearchSettings usual = options.search();
      SphereSearch search = new SphereSearch(policy, prm.over(policy), options.outcome(),
          usual.withTruncatedRejected(settings.truncatedRejected()).withCandidates(usual.candidates() * factor),
          options.seed(), room);
      return (p, name, path, log) -> Attempt.of(search.search(p, name, path, log), policy);
    }

    /** Whole solutions of the problem, after the prompt that stage 1 searches from. */
    Probed probe() throws InterruptedException {
      return new Prober(large.policy, options.outcome(), options.search(), options.whole(), settings.rules().guessed(),
          options.probe().draws(), options.seed()).draw(problem, question(large));
    }

    /** The three stages; a stage that is on record is not done again. */
    void stages(Task task) throws InterruptedException {
      StageResult generation = known(Stage.GENERATION);
      if (generation == null) {
        generation = switch (task) {
          case Task.Solve solve -> keep(selfGeneration(solve.probed()));
          case Task.LeaveOut leaveOut -> keep(withoutSearch(leaveOut.probed(), leaveOut.reason()));
          case Task.Draw draw -> throw new IllegalArgumentException("a task that only draws: " + draw);
        };
      }
      StageResult correction = known(Stage.CORRECTION);
      if (correction == null) {
        correction = keep(selfCorrection(generation));
      }
      StageResult diversity = known(Stage.DIVERSITY);
      if (diversity == null) {
        diversity = keep(diversityInduction(generation));
      }
      records.append(new ProblemResult(problem.id(), List.of(generation, correction, diversity)));
    }

    /** The stage's result that is on record; null for a stage that is still to be done. */
    private StageResult known(Stage stage) {
      StageResult known = records.findStage(problem.id(), stage);
      if (known != null) {
        known.pairs().forEach(seen::add);
      }
      return known;
    }

    private StageResult keep(StageResult result) {
      records.append(result);
      return result;
    }

    private Pairs pairs(Stage stage) {
      return new Pairs(problem.id(), stage, prompt, tokens, settings.pairsPerStage(), settings.rules(), seen);
    }

    /** The path from which a search begins: the question, and before it what else the model is shown. */
    private TokenPath question(Searcher searcher) {
      return TokenPath.root(searcher.policy.tokenizePrompt(searcher.policy.prompt(options.asked().ask(problem))));
    }

    /** Stage 1: the policy searches; a right Sol_max against a wrong Sol_min makes a pair. */
    private StageResult selfGeneration(Optional<Probed> probed) throws InterruptedException {
      List<Attempt> attempts = large.explorer.explore(problem, Stage.GENERATION.label(), question(large), records);
      Pairs pairs = pairs(Stage.GENERATION);
      for (Contrast c : contrasts(attempts)) {
        pairs.add(c.chosen.text(), c.chosen.tokens(), c.rejected.text(), c.rejected.tokens());
      }
      probed.ifPresent(p -> addProbed(pairs, p));
      return pairs.result(whyNoContrast(attempts), attempts);
    }

    /** Stage 1 of a problem that is not searched. */
    private StageResult withoutSearch(Optional<Probed> probed, Reason reason) {
      Pairs pairs = pairs(Stage.GENERATION);
      probed.ifPresent(p -> addProbed(pairs, p));
      return pairs.result(reason, List.of());
    }

    /** Right draws against wrong ones, each in one pair only: of a hard or easy problem one side would repeat. */
    private void addProbed(Pairs pairs, Probed probed) {
      List<Attempt> right = new ArrayList<>();
      List<Attempt> wrong = new ArrayList<>();
      for (int k = 0; k < probed.draws().size(); k++) {
        Probed.Draw d = probed.draws().get(k);
        Attempt attempt = Attempt.of(PROBE, k, d.solved(), "", d.correct(), !d.ended(), d.text(), d.tokens(),
            d.finish() == Generation.Finish.END, large.policy);
        if (d.solved()) {
          right.add(attempt);
        } else if (rejectable(attempt) && (settings.rules().guessed() || d.form().stated())) {
          wrong.add(attempt);
        }
      }
      right = distinct(right);
      wrong = distinct(wrong);
      for (int i = 0; i < Math.min(right.size(), wrong.size()); i++) {
        pairs.add(PROBE, right.get(i).text(), right.get(i).tokens(), wrong.get(i).text(), wrong.get(i).tokens());
      }
    }

    /** Chosen against rejected: of the same simulation first, then those that share the longest prefix. */
    private List<Contrast> contrasts(List<Attempt> attempts) {
      boolean any = settings.pairing() == StageSettings.Pairing.ANY;
      List<Contrast> contrasts = new ArrayList<>();
      for (Attempt chosen : attempts) {
        for (Attempt rejected : attempts) {
          if (chosen.correct() && (any || chosen.max()) && rejectable(rejected) && (any || !rejected.max())) {
            contrasts.add(new Contrast(chosen, rejected));
          }
        }
      }
      contrasts.sort(Comparator.<Contrast>comparingInt(c -> c.chosen.simulation() == c.rejected.simulation() ? 0 : 1)
          .thenComparingInt(c -> -c.chosen.sharedSteps(c.rejected)));
      return contrasts;
    }

    private boolean rejectable(Attempt attempt) {
      return !attempt.correct()
          && !attempt.text().isBlank()
          && (settings.truncatedRejected() || !attempt.truncated());
    }

    private Reason whyNoContrast(List<Attempt> attempts) {
      if (attempts.stream().allMatch(a -> a.truncated() && a.text().isEmpty())) {
        return Reason.PROMPT_TOO_LONG; // not one token found room
      }
      if (attempts.size() == 1) {
        return Reason.IDENTICAL;
      }
      if (attempts.stream().allMatch(Attempt::correct)) {
        return Reason.BOTH_RIGHT;
      }
      if (attempts.stream().noneMatch(this::rejectable)) {
        return Reason.TRUNCATED;
      }
      if (attempts.stream().noneMatch(Attempt::correct)) {
        return Reason.BOTH_WRONG;
      }
      return attempts.stream().anyMatch(a -> a.correct() && a.max()) ? Reason.TRUNCATED : Reason.ONLY_MIN_RIGHT;
    }

    /** Stage 2: the policy sees its wrong solution and searches for a right one; the two make a pair. */
    private StageResult selfCorrection(StageResult generation) throws InterruptedException {
      if (!settings.correction()) {
        return StageResult.without(problem.id(), Stage.CORRECTION, Reason.DISABLED);
      }
      List<Attempt> wrong = distinct(generation.attempts().stream().filter(this::rejectable).toList());
      if (wrong.isEmpty() || !generation.pairs().isEmpty() && !settings.correctPaired()) {
        return StageResult.without(problem.id(), Stage.CORRECTION, Reason.NOT_APPLICABLE);
      }
      Pairs pairs = pairs(Stage.CORRECTION);
      List<Attempt> attempts = new ArrayList<>();
      boolean unmarked = false; // where no pair comes of it
      List<Attempt> mistakes = wrong.subList(0, Math.min(wrong.size(), settings.corrections()));
      List<Callable<List<Attempt>>> work = new ArrayList<>();
      mistakes.forEach(mistake -> work.add(() -> correct(mistake)));
      List<List<Attempt>> found = room.all(work);
      for (int i = 0; i < mistakes.size(); i++) {
        Attempt mistake = mistakes.get(i);
        attempts.addAll(found.get(i));
        List<Attempt> right = found.get(i).stream().filter(Attempt::correct).toList();
        unmarked |= !right.isEmpty();
        right.stream().map(this::solutionWithin).flatMap(Optional::stream).findFirst()
            .ifPresent(solution -> pairs.add(solution.text(), solution.tokens(), mistake.text(), mistake.tokens()));
      }
      return pairs.result(unmarked ? Reason.NO_MARKER : Reason.NOT_CORRECTED, attempts);
    }

    /** The search of stage 1, after a dialogue that shows the mistaken solution. */
    private List<Attempt> correct(Attempt mistake) throws InterruptedException {
      MarkedText dialogue = large.policy.prompt(options.asked().askToCorrect(problem, mistake.text()));
      String which = mistake.path().isEmpty() ? "solution " + mistake.simulation() : mistake.path();
      return large.explorer.explore(problem, Stage.CORRECTION.label() + ":" + which,
          TokenPath.root(settings.prompts().marker(), large.policy.tokenizePrompt(dialogue)), records);
    }

    /** The correction without the talk about the mistake; empty where the marker between them is missing. */
    private Optional<Attempt> solutionWithin(Attempt right) {
      String solution = settings.prompts().marker().solution(right.text());
      if (solution == null || solution.isBlank()) {
        return Optional.empty();
      }
      return Optional.of(solution.equals(right.text()) ? right : new Attempt(right.search(), right.simulation(),
          right.max(), right.path(), true, false, solution, TEXT_ONLY));
    }

    /** Stage 3: where everything was right, the small model looks for a plausible wrong solution, at twice E. */
    private StageResult diversityInduction(StageResult generation) throws InterruptedException {
      boolean allRight = generation.attempts().stream().allMatch(Attempt::correct) && !generation.attempts().isEmpty();
      if (!settings.diversity() || !allRight || small.isEmpty()) {
        return StageResult.without(problem.id(), Stage.DIVERSITY, !settings.diversity() ? Reason.DISABLED
            : !allRight ? Reason.NOT_APPLICABLE : Reason.NO_SMALL_MODEL);
      }
      Searcher searcher = small.get();
      List<Attempt> attempts =
          searcher.explorer.explore(problem, Stage.DIVERSITY.label(), question(searcher), records);
      Attempt chosen = generation.attempts().getFirst();
      Pairs pairs = pairs(Stage.DIVERSITY);
      // Sol_min is the more likely to be wrong and no less plausible: it comes first. The small model may have another
      // vocabulary, so its solutions are handed on as text.
      attempts.stream()
          .filter(this::rejectable)
          .sorted(Comparator.comparing(Attempt::max))
          .forEach(wrong -> pairs.add(chosen.text(), chosen.tokens(), wrong.text(), TEXT_ONLY));
      return pairs.result(Reason.NO_WRONG_FOUND, attempts);
    }

    private static List<Attempt> distinct(List<Attempt> attempts) {
      List<Attempt> distinct = new ArrayList<>();
      for (Attempt a : attempts) {
        if (distinct.stream().noneMatch(d -> d.text().equals(a.text()))) {
          distinct.add(a);
        }
      }
      return distinct;
    }
  }
}
