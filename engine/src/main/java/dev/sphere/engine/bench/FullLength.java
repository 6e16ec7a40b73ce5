package dev.sphere.engine.bench;

import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.TokenPath;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/**
 * Generations of exactly as many tokens as were asked for: one that drew the model's end token is continued after it.
 * llama.cpp's loops go on like that too, so all do the same work.
 */
final class FullLength {
  private FullLength() {}

  static List<int[]> generate(Policy policy, TokenPath path, List<Request> requests) throws InterruptedException {
    List<Generation> made = policy.generate(path, requests);
    List<Callable<int[]>> rest = new ArrayList<>();
    for (int i = 0; i < requests.size(); i++) {
      Request request = requests.get(i);
      int[] tokens = made.get(i).tokens();
      rest.add(() -> complete(policy, path, request, tokens));
    }
    boolean whole = true;
    for (int i = 0; i < requests.size(); i++) {
      whole &= made.get(i).tokens().length == requests.get(i).sampling().maxTokens();
    }
    return whole ? made.stream().map(Generation::tokens).toList() : Jobs.together(rest);
  }

  private static int[] complete(Policy policy, TokenPath path, Request request, int[] begun)
      throws InterruptedException {
    int wanted = request.sampling().maxTokens();
    int[] all = java.util.Arrays.copyOf(begun, wanted);
    int length = begun.length;
    TokenPath at = path.extend(begun);
    while (length < wanted) {
      DrawKey key = request.key();
      DrawKey next = new DrawKey(key.seed() + 1_000_003L * length, key.problem(), key.node(), key.draw());
      SamplingSettings s = request.sampling();
      SamplingSettings left =
          new SamplingSettings(s.temperature(), s.topK(), s.topP(), s.minP(), wanted - length);
      int[] more = policy.generate(at, List.of(new Request(next, left, request.stop()))).getFirst().tokens();
      if (more.length == 0) {
        throw new IllegalArgumentException(
            "the model takes no sequence of " + (path.length() + wanted) + " tokens; choose a smaller shape");
      }
      System.arraycopy(more, 0, all, length, more.length);
      length += more.length;
      at = at.extend(more);
    }
    return all;
  }
}
