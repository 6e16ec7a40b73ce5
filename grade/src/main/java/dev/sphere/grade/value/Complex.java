package dev.sphere.grade.value;

/** A complex number in double precision; not a number where an operation is undefined. Principal branches. */
public record Complex(double re, double im) {
  /** The value of an expression that has none. */
  public static final Complex NAN = new Complex(Double.NaN, Double.NaN);
  static final Complex ONE = new Complex(1, 0);
  static final Complex I = new Complex(0, 1);

  /** A real number. */
  public static Complex of(double re) {
    return new Complex(re, 0);
  }

  Complex plus(Complex o) {
    return new Complex(re + o.re, im + o.im);
  }

  public Complex minus(Complex o) {
    return new Complex(re - o.re, im - o.im);
  }

  Complex negate() {
    return new Complex(-re, -im);
  }

  public Complex times(Complex o) {
    if (im == 0 && o.im == 0) {
      return of(re * o.re);
    }
    return new Complex(re * o.re - im * o.im, re * o.im + im * o.re);
  }

  /** The quotient; {@link #NAN} for a division by zero. */
  public Complex over(Complex o) {
    double n = o.re * o.re + o.im * o.im;
    if (o.im == 0) {
      return o.re == 0 ? NAN : new Complex(re / o.re, im / o.re);
    }
    return n == 0 ? NAN : new Complex((re * o.re + im * o.im) / n, (im * o.re - re * o.im) / n);
  }

  public double abs() {
    return im == 0 ? Math.abs(re) : Math.hypot(re, im);
  }

  /** True when the imaginary part is a rounding error, or zero. */
  public boolean isReal() {
    return Math.abs(im) <= 1e-12 * Math.max(1, Math.abs(re));
  }

  public boolean finite() {
    return Double.isFinite(re) && Double.isFinite(im);
  }

  Complex exp() {
    double r = Math.exp(re);
    return im == 0 ? of(r) : new Complex(r * Math.cos(im), r * Math.sin(im));
  }

  Complex ln() {
    double r = abs();
    return r == 0 ? NAN : new Complex(Math.log(r), im == 0 ? (re < 0 ? Math.PI : 0) : Math.atan2(im, re));
  }

  /** Power by the principal logarithm; a real base and a whole exponent stay real. */
  Complex pow(Complex e) {
    if (im == 0 && e.im == 0 && (re >= 0 || e.re == Math.rint(e.re))) {
      return re == 0 && e.re <= 0 ? NAN : of(Math.pow(re, e.re));
    }
    if (e.im == 0 && e.re == Math.rint(e.re) && Math.abs(e.re) <= 64) {
      Complex p = ONE;
      for (int k = 0; k < Math.abs(e.re); k++) {
        p = p.times(this);
      }
      return e.re < 0 ? ONE.over(p) : p;
    }
    return re == 0 && im == 0 ? (e.re > 0 ? of(0) : NAN) : e.times(ln()).exp();
  }

  Complex sin() {
    return im == 0 ? of(snapped(Math.sin(re), re))
        : new Complex(Math.sin(re) * Math.cosh(im), Math.cos(re) * Math.sinh(im));
  }

  Complex cos() {
    return im == 0 ? of(snapped(Math.cos(re), re))
        : new Complex(Math.cos(re) * Math.cosh(im), -Math.sin(re) * Math.sinh(im));
  }

  /** Zero where a sine or cosine is smaller than the rounding error of its argument: sin(500 pi) is 0. */
  private static double snapped(double value, double argument) {
    return Math.abs(value) < 4e-16 * Math.abs(argument) ? 0 : value;
  }

  /** True when both differ by at most the larger of {@code absolute} and {@code relative} times the larger one. */
  public boolean near(Complex o, double relative, double absolute) {
    double d = minus(o).abs();
    return d <= Math.max(absolute, relative * Math.max(abs(), o.abs()));
  }
}
