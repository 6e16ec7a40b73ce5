package dev.sphere.engine;

/**
 * A continuation of a path that the policy generated.
 *
 * @param tokens the drawn tokens in order, the end token included if it was drawn
 * @param logProbs for each token its natural-log probability under the policy itself (temperature 1, no filters)
 * @param text the generated text, without the end token
 * @param finish why it ended
 */
public record Generation(int[] tokens, float[] logProbs, String text, Finish finish) {
  /** Why a generation ended. */
  public enum Finish {
    /** The stop rule ended it: a step is complete. */
    STOP,
    /** The model drew an end-of-generation token: the solution is complete. */
    END,
    /** The limit of new tokens or the context was reached: a truncation, not an error. */
    LENGTH
  }

  public Generation {
    if (tokens.length != logProbs.length) {
      throw new IllegalArgumentException(tokens.length + " tokens but " + logProbs.length + " log-probabilities");
    }
  }

  /** Sum of the token log-probabilities, added in order in double precision. */
  public double logProb() {
    double sum = 0;
    for (float l : logProbs) {
      sum += l;
    }
    return sum;
  }
}
