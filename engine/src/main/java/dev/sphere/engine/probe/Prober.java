package dev.sphere.engine.probe;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.SolutionMarker;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.search.FinalAnswer;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.grade.extract.AnswerExtractor;
import java.util.ArrayList;
import java.util.List;

/**
 * Draws whole solutions of a problem and grades them. The draws depend on policy, settings, seed, problem and prompt
 * alone. Safe for many threads.
 *
 * @param search which text ends a step, and whether an answer ends a solution
 * @param whole how the tokens of a solution are drawn; {@code maxTokens} bounds it
 * @param guesses a right answer counts although it is not stated
 * @param draws of each problem
 */
public record Prober(Policy policy, OutcomeReward outcome, SearchSettings search, SamplingSettings whole,
    boolean guesses, int draws, long seed) {
  private static final long NODE = SplitMix.hash("probe");

  /** Draws all solutions of a problem in one request, so that its prompt is computed once. */
  public Probed draw(Problem problem, TokenPath prompt) throws InterruptedException {
    StopRule stop = search.stopAtAnswer() ? FinalAnswer.stop(SolutionMarker.NONE, "") : StopRule.never();
    List<Policy.Request> requests = new ArrayList<>();
    for (int k = 0; k < draws; k++) {
      requests.add(new Policy.Request(new DrawKey(seed, SplitMix.hash(problem.id()), NODE, k), whole, stop));
    }
    List<Probed.Draw> drawn = new ArrayList<>();
    for (Generation g : policy.generate(prompt, requests)) {
      drawn.add(graded(problem, g));
    }
    return new Probed(problem.id(), drawn);
  }

  private Probed.Draw graded(Problem problem, Generation g) {
    boolean correct = g.finish() != Generation.Finish.LENGTH && outcome.correct(problem, g.text());
    List<String> steps = steps(g.text(), search.separator());
    int most = search.sampling().maxTokens();
    boolean overlong = g.tokens().length > most
        && steps.stream().anyMatch(step -> policy.tokenizeAnswer(step).length > most);
    boolean solved = correct && (guesses || AnswerExtractor.extract(g.text()).form().stated());
    return new Probed.Draw(g.text(), g.tokens(), g.finish(), correct, solved, steps.size(), overlong);
  }

  /** A solution cut where {@link StopRule#afterStep} ends steps. */
  static List<String> steps(String text, String separator) {
    List<String> steps = new ArrayList<>();
    int from = 0;
    for (int at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, at + 1)) {
      if (at >= from && !text.substring(from, at).isBlank()) {
        steps.add(text.substring(from, at + separator.length()));
        from = at + separator.length();
      }
    }
    if (!text.substring(from).isBlank()) {
      steps.add(text.substring(from));
    }
    return steps;
  }
}
