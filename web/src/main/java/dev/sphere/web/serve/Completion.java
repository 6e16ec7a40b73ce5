package dev.sphere.web.serve;

import dev.sphere.base.InFlight;
import dev.sphere.engine.Generation;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.decode.Completions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.IntFunction;

/** Computes what a request asks for. */
final class Completion {
  /**
   * One answer.
   *
   * @param index of the choice in the answer: all choices of the first prompt, then those of the next
   * @param prompt its tokens
   * @param tokens the generated ones
   * @param text what was generated, up to a stop string
   * @param atEnd true where the model or a stop string ended it, false at a limit
   * @param scores of the tokens whose log-probabilities are wanted
   */
  record Choice(int index, int[] prompt, int[] tokens, String text, boolean atEnd, Optional<TokenScores> scores) {}

  private final CompletionRequest request;
  private final ServedModel model;

  Completion(CompletionRequest request) {
    this.request = request;
    this.model = request.model();
  }

  /** All choices, in order. */
  List<Choice> all() throws InterruptedException {
    return all(choice -> request.stop());
  }

  /**
   * All choices, in order.
   *
   * @param rules the rule that ends each choice: choices that share one share their rows while they draw alike
   */
  List<Choice> all(IntFunction<StopRule> rules) throws InterruptedException {
    List<Callable<List<Choice>>> work = new ArrayList<>();
    for (int p = 0; p < request.prompts().size(); p++) {
      int first = p * request.choices();
      int[] prompt = request.prompts().get(p);
      work.add(() -> one(prompt, first, rules));
    }
    return InFlight.together(work).stream().flatMap(List::stream).toList();
  }

  private List<Choice> one(int[] prompt, int first, IntFunction<StopRule> rules) throws InterruptedException {
    if (request.logProbs() && request.echo()
        && (!request.generates() || request.sampling().maxTokens() == 1 && request.sampling().temperature() == 0)) {
      return scored(prompt, first);
    }
    List<Choice> choices = new ArrayList<>();
    List<Generation> generated = generate(prompt, first, rules);
    for (int k = 0; k < request.choices(); k++) {
      Generation g = generated.get(k);
      int[] all = Arrays.copyOf(prompt, prompt.length + g.tokens().length);
      System.arraycopy(g.tokens(), 0, all, prompt.length, g.tokens().length);
      choices.add(new Choice(first + k, prompt, g.tokens(), request.stop().cut(g.text()),
          g.finish() != Generation.Finish.LENGTH, scores(prompt, all, g)));
    }
    return choices;
  }

  private List<Generation> generate(int[] prompt, int first, IntFunction<StopRule> rules)
      throws InterruptedException {
    if (!request.generates()) {
      return Collections.nCopies(
          request.choices(), new Generation(new int[0], new float[0], "", Generation.Finish.LENGTH));
    }
    return Completions.complete(model.policy(), new Completions.Prompt("serve", prompt), request.choices(),
        request.sampling(), k -> rules.apply(first + k), request.seed());
  }

  private Optional<TokenScores> scores(int[] prompt, int[] all, Generation g) throws InterruptedException {
    if (!request.logProbs()) {
      return Optional.empty();
    }
    if (!request.echo() && request.ranks() == 0) { // the draws' own log-probabilities, which are the scorer's
      return Optional.of(new TokenScores(all, prompt.length, g.logProbs(), 0, new int[0], new float[0]));
    }
    int from = request.echo() ? 1 : prompt.length;
    return Optional.of(model.scorer().score(all, from, false, request.ranks()));
  }

  /** A prompt's scores, with the likeliest token behind it: what evaluators ask for. Nothing has to be drawn. */
  private List<Choice> scored(int[] prompt, int first) throws InterruptedException {
    boolean next = request.generates();
    TokenScores found = model.scorer().score(prompt, 1, next, Math.max(next ? 1 : 0, request.ranks()));
    int[] tokens = next ? new int[] {found.likeliest(prompt.length, 0)} : new int[0];
    boolean atEnd = next && model.vocabulary().isEndOfGeneration(tokens[0]);
    String text = request.stop().cut(model.policy().detokenize(tokens));
    List<Choice> choices = new ArrayList<>();
    for (int k = 0; k < request.choices(); k++) {
      choices.add(new Choice(first + k, prompt, tokens, text, atEnd, Optional.of(found)));
    }
    return choices;
  }
}
