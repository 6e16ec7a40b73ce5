package dev.sphere.engine.cost;

import java.util.PriorityQueue;
import java.util.SplittableRandom;

/**
 * How much work a run has left and how long that takes, when its pieces differ in cost, many run at once and nobody knows
 * what one will cost before it is done.
 *
 * <p>The rest of the run is played {@value #DRAWS} times: {@link Costs} draws what each piece costs, {@link Pace} how fast
 * work goes. Pieces in flight go on evenly; where one ends the next one begins. When none is left to begin, fewer and
 * fewer are in flight, and less is done in a second: of {@code n} pieces where {@code full} were at work it is
 * {@code n (1 + c) / (n + c full)} of the rate. How much a lone piece gains is unknown, so c is drawn between 0.05 (it goes
 * as fast as all together) and 1 (at best twice as fast as before). Pieces that have not begun may be of another kind than
 * those that are done, as in a file with the easy ones first: their costs are multiplied by a common factor, log-normal
 * with a spread of {@value #OTHERS}. The ranges are the 5 % and 95 % quantiles of all plays.
 *
 * @param work left, in {@link Pace}'s unit
 * @param seconds left
 */
public record Forecast(Range work, Range seconds) {
  private static final int DRAWS = 200;
  private static final double OTHERS = 0.3;
  private static final int PLAYED = 300; // pieces that are played one by one; more before them are a sum

  /**
   * The pieces of a run.
   *
   * @param expected first guess of what a piece costs
   * @param done what the finished ones cost
   * @param going what those in flight have cost up to now
   * @param half pieces in flight that an earlier process began: nobody knows how much of them is done
   * @param waiting pieces that have not begun
   * @param full pieces that are in flight while there are enough
   */
  public record Pieces(double expected, double[] done, double[] going, int half, int waiting, int full) {}

  /** Plays the rest. The pace must be known. */
  public static Forecast of(Pieces pieces, Pace pace) {
    SplittableRandom random = new SplittableRandom(1);
    Costs costs = new Costs(pieces.expected, pieces.done, pieces.going);
    double[] work = new double[DRAWS];
    double[] seconds = new double[DRAWS];
    for (int i = 0; i < DRAWS; i++) {
      double[] law = costs.draw(random);
      double[] later = {law[0] + OTHERS * random.nextGaussian(), law[1]};
      int bulk = Math.max(0, pieces.waiting - PLAYED);
      double before = bulk == 0 ? 0 : costs.sum(later, bulk, random);
      PriorityQueue<Double> ends = new PriorityQueue<>(); // in work of one piece, from now
      double all = before;
      for (double spent : pieces.going) {
        double left = costs.cost(law, spent, random) - spent;
        ends.add(left);
        all += left;
      }
      for (int k = 0; k < pieces.half; k++) {
        double left = costs.cost(law, 0, random) * random.nextDouble();
        ends.add(left);
        all += left;
      }
      double now = 0;
      double busy = 0; // work done while all places are taken
      for (int k = bulk; k < pieces.waiting; k++) {
        double cost = costs.cost(later, 0, random);
        all += cost;
        if (ends.size() >= pieces.full) {
          double next = ends.poll();
          busy += (next - now) * pieces.full;
          now = next;
        }
        ends.add(now + cost);
      }
      double rate = pace.draw(all, random);
      double c = Math.exp(random.nextDouble(Math.log(0.05), 0));
      double time = before + busy;
      while (!ends.isEmpty()) { // the pieces in flight become fewer
        double n = Math.min(ends.size(), pieces.full);
        double next = ends.poll();
        time += (next - now) * (n + c * pieces.full) / (1 + c);
        now = next;
      }
      work[i] = all;
      seconds[i] = time / rate;
    }
    return new Forecast(Range.of(work), Range.of(seconds));
  }
}
