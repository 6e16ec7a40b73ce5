package dev.sphere.engine.stage;

import dev.sphere.engine.Generation;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.probe.Prober;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.search.Room;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.search.SphereSearch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;

/**
 * The three stages over one problem (SPHERE, arXiv 2503.04813): self-generation, self-correction, diversity induction.
 * Safe for many threads, one problem each; calls block.
 */
public final class ThreeStages {
  private static final int[] TEXT_ONLY = {};
  static final String PROBE = "probe"; // where a pair of the probe's comes from

  private final Actor actor;
  private final Actor small;
  private final StageSettings settings;
  private final Prompts asked;
  private final Room room;
  private final Explorer search;
  private final Explorer smallSearch;

  /** With one chain of steps after the other. */
  public ThreeStages(
      Actor actor, Actor small, OutcomeReward outcome, SearchSettings search, StageSettings settings, long seed) {
    this(actor, small, outcome, search, settings, seed, new Room(1));
  }

  /**
   * @param small the smaller model of stage 3; null for none, the stage is then skipped with that reason
   * @param room of the run; where it has places, chains and corrections of a problem go side by side, and its log is called from
   *     several threads
   */
  ThreeStages(Actor actor, Actor small, OutcomeReward outcome, SearchSettings search, StageSettings settings, long seed,
      Room room) {
    this(actor, small, pruned(actor, outcome, search.withTruncatedRejected(settings.truncatedRejected()), seed, room),
        small == null ? null
            : pruned(small, outcome, search.withTruncatedRejected(settings.truncatedRejected())
                .withCandidates(search.candidates() * settings.diversityFactor()), seed, room),
        settings, settings.prompts(), room);
  }

  /**
   * With other ways to search.
   *
   * @param search how the policy explores a problem
   * @param smallSearch how the small model does; null when there is none
   */
  public ThreeStages(Actor actor, Actor small, Explorer search, Explorer smallSearch, StageSettings settings) {
    this(actor, small, search, smallSearch, settings, settings.prompts(), new Room(1));
  }

  private ThreeStages(Actor actor, Actor small, Explorer search, Explorer smallSearch, StageSettings settings,
      Prompts asked, Room room) {
    this.actor = actor;
    this.small = small;
    this.search = search;
    this.smallSearch = smallSearch;
    this.settings = settings;
    this.asked = asked;
    this.room = room;
  }

  /** The same, but the models are asked in other words than those that the pairs are written under. */
  ThreeStages asking(Prompts prompts) {
    return new ThreeStages(actor, small, search, smallSearch, settings, prompts, room);
  }

  private static Explorer pruned(Actor actor, OutcomeReward outcome, SearchSettings settings, long seed, Room room) {
    SphereSearch search = new SphereSearch(actor.policy(), actor.prm(), outcome, settings, seed, room);
    return (problem, name, prompt, log) -> Attempt.of(search.search(problem, name, prompt, log), actor.policy());
  }

  /** Takes a problem through the stages, or on from where {@code log} left it. */
  public ProblemResult solve(Problem problem, RunLog log) throws InterruptedException {
    return solve(problem, null, null, log);
  }

  /**
   * The same for a problem that was probed.
   *
   * @param probed the solutions of which stage 1 makes pairs besides its own; null for none
   * @param leftOut why the problem is not searched; null: it is
   */
  ProblemResult solve(Problem problem, Probed probed, Reason leftOut, RunLog log) throws InterruptedException {
    ProblemResult done = log.findProblem(problem.id());
    if (done != null) {
      return done;
    }
    room.enter();
    try {
      return stages(problem, probed, leftOut, log);
    } finally {
      room.leave();
    }
  }

  private ProblemResult stages(Problem problem, Probed probed, Reason leftOut, RunLog log) throws InterruptedException {
    MarkedText prompt = actor.policy().prompt(settings.prompts().ask(problem));
    int[] tokens = actor.policy().tokenizePrompt(prompt);
    // Pairs carry the marks where they count: a message holds the text of a special token.
    boolean plain = Arrays.equals(actor.policy().tokenizePrompt(prompt.text()), tokens);
    MarkedText kept = plain ? MarkedText.of(prompt.text()) : prompt;
    Task task = new Task(problem, kept, tokens, settings.rules(), new Pairs.Seen(), log);

    StageResult generation = keep(task, Stage.GENERATION,
        () -> leftOut == null ? selfGeneration(task, probed) : withoutSearch(task, probed, leftOut));
    StageResult correction = keep(task, Stage.CORRECTION, () -> selfCorrection(task, generation));
    StageResult diversity = keep(task, Stage.DIVERSITY, () -> diversityInduction(task, generation));

    ProblemResult result = new ProblemResult(problem.id(), List.of(generation, correction, diversity));
    log.append(result);
    return result;
  }

  /** Draws whole solutions of a problem after the prompt that stage 1 searches from. */
  Probed probe(Prober prober, Problem problem) throws InterruptedException {
    return prober.draw(problem, ask(actor, problem));
  }

  /** A problem on its way through the stages. */
  private record Task(Problem problem, MarkedText prompt, int[] tokens, PairRules rules, Pairs.Seen seen, RunLog log) {
    Pairs pairs(Stage stage, int cap) {
      return new Pairs(problem.id(), stage, prompt, tokens, cap, rules, seen);
    }
  }

  /** What a search begins with: the question, and before it whatever else the model is shown. */
  private TokenPath ask(Actor whom, Problem problem) {
    return TokenPath.root(whom.policy().tokenizePrompt(whom.policy().prompt(asked.ask(problem))));
  }

  private interface Step {
    StageResult run() throws InterruptedException;
  }

  /** Runs a stage unless the log has its result, and keeps the result. */
  private StageResult keep(Task task, Stage stage, Step step) throws InterruptedException {
    StageResult result = task.log.findStage(task.problem.id(), stage);
    if (result == null) {
      result = step.run();
      task.log.append(result);
    } else {
      result.pairs().forEach(task.seen::add);
    }
    return result;
  }

  /** Stage 1: the policy searches; a right Sol_max against a wrong Sol_min makes a pair. */
  private StageResult selfGeneration(Task task, Probed probed) throws InterruptedException {
    TokenPath path = ask(actor, task.problem);
    List<Attempt> attempts = search.explore(task.problem, Stage.GENERATION.label(), path, task.log);
    Pairs pairs = task.pairs(Stage.GENERATION, settings.pairsPerStage());
    for (Contrast c : contrasts(attempts)) {
      pairs.add(c.chosen.text(), c.chosen.tokens(), c.rejected.text(), c.rejected.tokens());
    }
    addProbed(pairs, probed);
    return pairs.result(whyNoContrast(attempts), attempts);
  }

  /** What stage 1 makes of a problem that is not searched. */
  private StageResult withoutSearch(Task task, Probed probed, Reason leftOut) {
    Pairs pairs = task.pairs(Stage.GENERATION, settings.pairsPerStage());
    addProbed(pairs, probed);
    return pairs.result(leftOut, List.of());
  }

  /** Right draws against wrong ones, each in one pair only: of a problem that is hard or easy, one side would repeat. */
  private void addProbed(Pairs pairs, Probed probed) {
    List<Attempt> right = new ArrayList<>();
    List<Attempt> wrong = new ArrayList<>();
    for (int k = 0; probed != null && k < probed.draws().size(); k++) {
      Probed.Draw d = probed.draws().get(k);
      Attempt attempt = Attempt.of(PROBE, k, d.solved(), "", d.correct(), !d.ended(), d.text(), d.tokens(),
          d.finish() == Generation.Finish.END, actor.policy());
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

  private record Contrast(Attempt chosen, Attempt rejected) {}

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
  private StageResult selfCorrection(Task task, StageResult generation) throws InterruptedException {
    List<Attempt> wrong = distinct(generation.attempts().stream().filter(this::rejectable).toList());
    boolean paired = !generation.pairs().isEmpty();
    if (!settings.correction()) {
      return StageResult.without(task.problem.id(), Stage.CORRECTION, Reason.DISABLED);
    }
    if (wrong.isEmpty() || paired && !settings.correctPaired()) {
      return StageResult.without(task.problem.id(), Stage.CORRECTION, Reason.NOT_APPLICABLE);
    }
    Pairs pairs = task.pairs(Stage.CORRECTION, settings.pairsPerStage());
    List<Attempt> attempts = new ArrayList<>();
    boolean unmarked = false; // where no pair comes of it
    List<Attempt> mistakes = wrong.subList(0, Math.min(wrong.size(), settings.corrections()));
    List<Callable<List<Attempt>>> work = new ArrayList<>();
    mistakes.forEach(mistake -> work.add(() -> correct(task, mistake)));
    List<List<Attempt>> found = room.all(work);
    for (int i = 0; i < mistakes.size(); i++) {
      Attempt mistake = mistakes.get(i);
      List<Attempt> corrections = found.get(i);
      attempts.addAll(corrections);
      List<Attempt> right = corrections.stream().filter(Attempt::correct).toList();
      unmarked |= !right.isEmpty();
      right.stream().map(this::solutionWithin).filter(Objects::nonNull).findFirst()
          .ifPresent(solution -> pairs.add(solution.text(), solution.tokens(), mistake.text(), mistake.tokens()));
    }
    return pairs.result(unmarked ? Reason.NO_MARKER : Reason.NOT_CORRECTED, attempts);
  }

  /** The same pruned search, after a dialogue that shows the mistaken solution. */
  private List<Attempt> correct(Task task, Attempt mistake) throws InterruptedException {
    Policy policy = actor.policy();
    MarkedText prompt = policy.prompt(asked.askToCorrect(task.problem, mistake.text()));
    String which = mistake.path().isEmpty() ? "solution " + mistake.simulation() : mistake.path();
    String name = Stage.CORRECTION.label() + ":" + which;
    return search.explore(task.problem, name, TokenPath.root(settings.prompts().marker(), policy.tokenizePrompt(prompt)),
        task.log);
  }

  /** The correction without the talk about the mistake; null where the marker between them is missing. */
  private Attempt solutionWithin(Attempt right) {
    String solution = settings.prompts().marker().solution(right.text());
    if (solution == null || solution.isBlank()) {
      return null;
    }
    if (solution.equals(right.text())) {
      return right;
    }
    return new Attempt(right.search(), right.simulation(), right.max(), right.path(), true, false, solution, TEXT_ONLY);
  }

  /** Stage 3: where everything was right, the small model looks for a plausible wrong solution, at twice E. */
  private StageResult diversityInduction(Task task, StageResult generation) throws InterruptedException {
    boolean allRight = generation.attempts().stream().allMatch(Attempt::correct) && !generation.attempts().isEmpty();
    Reason skipped = !settings.diversity() ? Reason.DISABLED
        : !allRight ? Reason.NOT_APPLICABLE
        : small == null ? Reason.NO_SMALL_MODEL : null;
    if (skipped != null) {
      return StageResult.without(task.problem.id(), Stage.DIVERSITY, skipped);
    }
    TokenPath path = ask(small, task.problem);
    List<Attempt> attempts = smallSearch.explore(task.problem, Stage.DIVERSITY.label(), path, task.log);

    Attempt chosen = generation.attempts().getFirst();
    Pairs pairs = task.pairs(Stage.DIVERSITY, settings.pairsPerStage());
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
