package dev.sphere.engine.stage;

import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.search.SearchNode;
import dev.sphere.engine.search.SearchTree;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A solution that a search found.
 *
 * @param search name of the search
 * @param simulation index of the simulation
 * @param max true for Sol_max, false for Sol_min
 * @param path its node in the search's tree
 * @param correct its answer is right
 * @param truncated it was cut at a limit
 * @param text the solution without end token and without white space at its end
 * @param tokens the tokens of {@code text} as they were sampled, with the end token if it was drawn; empty when white
 *     space was taken off that shares a token with other text
 */
public record Attempt(
    String search,
    int simulation,
    boolean max,
    String path,
    boolean correct,
    boolean truncated,
    String text,
    int[] tokens) {

  /** The solutions of a tree, Sol_max before Sol_min, one for both when the chains never parted. */
  public static List<Attempt> of(SearchTree tree, Policy policy) {
    List<Attempt> attempts = new ArrayList<>();
    int simulation = 0;
    for (SearchTree.Simulation s : tree.simulations()) {
      attempts.add(of(tree, simulation, true, s.solMax(), policy));
      if (s.solMin() != s.solMax()) {
        attempts.add(of(tree, simulation, false, s.solMin(), policy));
      }
      simulation++;
    }
    return attempts;
  }

  private static Attempt of(SearchTree tree, int simulation, boolean max, SearchNode end, Policy policy) {
    int[] all = end.tokens().toArray();
    int[] sampled = Arrays.copyOfRange(all, tree.root().tokens().length(), all.length);
    boolean ended = end.step().generation().finish() == Generation.Finish.END;
    return of(tree.name(), simulation, max, end.path(), end.step().correct(), end.step().truncated(), end.text(),
        sampled,
        ended, policy);
  }

  /**
   * A solution as it was sampled.
   *
   * @param sampled its tokens, the end token included if it was drawn
   * @param ended it was drawn
   */
  public static Attempt of(String search, int simulation, boolean max, String path, boolean correct, boolean truncated,
      String sampledText, int[] sampled, boolean ended, Policy policy) {
    String text = sampledText.stripTrailing();
    return new Attempt(search, simulation, max, path, correct, truncated, text, tokensOf(text, sampled, ended, policy));
  }

  /** The sampled tokens without those of the white space at the end; empty when the rest does not spell the text. */
  private static int[] tokensOf(String text, int[] sampled, boolean ended, Policy policy) {
    int n = ended ? sampled.length - 1 : sampled.length;
    while (n > 0 && policy.detokenize(new int[] {sampled[n - 1]}).isBlank()) {
      n--;
    }
    int[] tokens = Arrays.copyOf(sampled, n);
    if (!policy.detokenize(tokens).equals(text)) {
      return new int[0];
    }
    if (ended) {
      tokens = Arrays.copyOf(tokens, n + 1);
      tokens[n] = sampled[sampled.length - 1];
    }
    return tokens;
  }

  /** How many steps two attempts of the same search share; of searches without a pruned tree, how many characters. */
  int sharedSteps(Attempt other) {
    if (path.isEmpty() && other.path.isEmpty()) {
      int different = Arrays.mismatch(text.toCharArray(), other.text.toCharArray());
      return different < 0 ? text.length() : different;
    }
    int n = 0;
    while (n < path.length() && n < other.path.length() && path.charAt(n) == other.path.charAt(n)) {
      n++;
    }
    return n;
  }
}
