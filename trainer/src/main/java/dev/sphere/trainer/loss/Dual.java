package dev.sphere.trainer.loss;

/**
 * A number with its partial derivatives by the policy's log-probabilities of a pair's chosen and rejected completion
 * (forward-mode differentiation). A loss written in duals is its formula and its gradient at once.
 */
public record Dual(double value, double dChosen, double dRejected) {
  public static Dual constant(double value) {
    return new Dual(value, 0, 0);
  }

  public Dual plus(Dual o) {
    return new Dual(value + o.value, dChosen + o.dChosen, dRejected + o.dRejected);
  }

  public Dual plus(double c) {
    return new Dual(value + c, dChosen, dRejected);
  }

  public Dual minus(Dual o) {
    return new Dual(value - o.value, dChosen - o.dChosen, dRejected - o.dRejected);
  }

  public Dual minus(double c) {
    return plus(-c);
  }

  public Dual times(Dual o) {
    return new Dual(
        value * o.value, dChosen * o.value + value * o.dChosen, dRejected * o.value + value * o.dRejected);
  }

  public Dual times(double c) {
    return new Dual(value * c, dChosen * c, dRejected * c);
  }

  public Dual negate() {
    return times(-1);
  }

  public Dual square() {
    return chain(value * value, 2 * value);
  }

  /** max(0, x); derivative 0 at 0. */
  public Dual relu() {
    return value > 0 || Double.isNaN(value) ? this : constant(0);
  }

  public Dual exp() {
    double e = Math.exp(value);
    return chain(e, e);
  }

  /** min(x, limit); derivative 0 above the limit. */
  public Dual atMost(double limit) {
    return value > limit ? constant(limit) : this;
  }

  /** σ(x) = 1 / (1 + exp(-x)). */
  public Dual sigmoid() {
    double s = sigmoid(value);
    return chain(s, s * sigmoid(-value));
  }

  /** log σ(x), exact for large |x| too. */
  public Dual logSigmoid() {
    return chain(Math.min(value, 0) - Math.log1p(Math.exp(-Math.abs(value))), sigmoid(-value));
  }

  private Dual chain(double result, double derivative) {
    return new Dual(result, derivative * dChosen, derivative * dRejected);
  }

  private static double sigmoid(double x) {
    double e = Math.exp(-Math.abs(x));
    return (x >= 0 ? 1 : e) / (1 + e);
  }
}
