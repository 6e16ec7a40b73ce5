package dev.sphere.engine.stage;

/**
 * Tokens that were drawn.
 *
 * @param all rollouts of the process reward and the probe's solutions included
 * @param probe tokens of the probe's solutions
 * @param rewards tokens of the process reward's rollouts
 * @param kept tokens of candidates that stand in an expansion, or in a strategy's solution
 */
public record Drawn(long all, long probe, long rewards, long kept) {
  /** No tokens. */
  public static final Drawn NOTHING = new Drawn(0, 0, 0, 0);

  public Drawn plus(Drawn more) {
    return new Drawn(all + more.all, probe + more.probe, rewards + more.rewards, kept + more.kept);
  }
}
