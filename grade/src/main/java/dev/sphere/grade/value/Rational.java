package dev.sphere.grade.value;

import java.math.BigDecimal;
import java.math.BigInteger;

/** An exact fraction in lowest terms with a bounded size; an operation that would exceed the bound gives null. */
public record Rational(BigInteger num, BigInteger den) {
  /** Largest size of numerator and denominator in bits: 2016! fits (19,000 bits), 10^10^10 does not. */
  static final int MAX_BITS = 1 << 16;

  static final Rational ZERO = of(0);
  public static final Rational ONE = of(1);

  /** A whole number. */
  public static Rational of(long n) {
    return new Rational(BigInteger.valueOf(n), BigInteger.ONE);
  }

  /** The fraction in lowest terms; null when it divides by zero or is too big. */
  public static Rational of(BigInteger num, BigInteger den) {
    if (den.signum() == 0 || num.bitLength() > MAX_BITS || den.bitLength() > MAX_BITS) {
      return null;
    }
    if (den.signum() < 0) {
      num = num.negate();
      den = den.negate();
    }
    BigInteger g = den.equals(BigInteger.ONE) ? BigInteger.ONE : num.gcd(den);
    return g.equals(BigInteger.ONE) ? new Rational(num, den) : new Rational(num.divide(g), den.divide(g));
  }

  /** Reads digits with at most one decimal point; null when it is too long. */
  public static Rational ofDecimal(String digits) {
    if (digits.length() > 4000) {
      return null;
    }
    int dot = digits.indexOf('.');
    if (dot < 0) {
      return of(new BigInteger(digits), BigInteger.ONE);
    }
    String all = digits.substring(0, dot) + digits.substring(dot + 1);
    return of(new BigInteger(all.isEmpty() ? "0" : all), BigInteger.TEN.pow(digits.length() - dot - 1));
  }

  /**
   * The value of digits in a base from 2 to 36.
   *
   * @throws GradingBudget.Stop when they are none, or too many
   */
  public static Rational inBase(String digits, int base) {
    if (base < 2 || base > 36 || digits.length() > 2000) {
      throw new GradingBudget.Stop("no number in base " + base);
    }
    for (int i = 0; i < digits.length(); i++) {
      if (Character.digit(digits.charAt(i), base) < 0) {
        throw new GradingBudget.Stop("no digit of base " + base + ": " + digits.charAt(i));
      }
    }
    return of(new BigInteger(digits, base), BigInteger.ONE);
  }

  public Rational plus(Rational o) {
    if (tooBig(o)) {
      return null;
    }
    return of(num.multiply(o.den).add(o.num.multiply(den)), den.multiply(o.den));
  }

  public Rational minus(Rational o) {
    return plus(o.negate());
  }

  public Rational times(Rational o) {
    return tooBig(o) ? null : of(num.multiply(o.num), den.multiply(o.den));
  }

  public Rational dividedBy(Rational o) {
    return o.num.signum() == 0 || tooBig(o) ? null : of(num.multiply(o.den), den.multiply(o.num));
  }

  Rational negate() {
    return new Rational(num.negate(), den);
  }

  /** Integer power; null when the result is too big or undefined. */
  public Rational pow(int n) {
    if (n == 0) {
      return num.signum() == 0 ? null : ONE;
    }
    if (n < 0) {
      return num.signum() == 0 ? null : of(den, num).pow(-n);
    }
    long bits = (long) Math.max(num.bitLength(), den.bitLength()) * n;
    boolean trivial = num.abs().bitLength() <= 1 && den.bitLength() <= 1;
    return bits > MAX_BITS && !trivial ? null : trivial && n > 2 ? pow(2 - n % 2) : of(num.pow(n), den.pow(n));
  }

  /** The exact root of index n, or null when it is not rational. */
  Rational root(int n) {
    if (n < 1 || n > 64 || num.signum() < 0 && n % 2 == 0) {
      return null;
    }
    BigInteger a = exactRoot(num.abs(), n);
    BigInteger b = exactRoot(den, n);
    return a == null || b == null ? null : of(num.signum() < 0 ? a.negate() : a, b);
  }

  private static BigInteger exactRoot(BigInteger v, int n) {
    if (v.bitLength() > 4096) {
      return null;
    }
    BigInteger low = BigInteger.ZERO;
    BigInteger high = BigInteger.ONE.shiftLeft(v.bitLength() / n + 1);
    while (low.compareTo(high) < 0) {
      BigInteger mid = low.add(high).add(BigInteger.ONE).shiftRight(1);
      if (mid.pow(n).compareTo(v) <= 0) {
        low = mid;
      } else {
        high = mid.subtract(BigInteger.ONE);
      }
    }
    return low.pow(n).equals(v) ? low : null;
  }

  public boolean isInteger() {
    return den.equals(BigInteger.ONE);
  }

  /** True when the fraction has a finite decimal form. */
  public boolean isDecimal() {
    BigInteger d = den.shiftRight(Math.max(0, den.getLowestSetBit()));
    BigInteger five = BigInteger.valueOf(5);
    while (d.bitLength() > 2 && d.bitLength() < 4096) {
      BigInteger[] qr = d.divideAndRemainder(five);
      if (qr[1].signum() != 0) {
        return false;
      }
      d = qr[0];
    }
    return d.equals(BigInteger.ONE);
  }

  /** The value as an int, or {@code otherwise} when it is no integer of that size. */
  public int intOr(int otherwise) {
    return isInteger() && num.bitLength() < 31 ? num.intValue() : otherwise;
  }

  /** The nearest double, or one beside it. */
  public double toDouble() {
    int shift = Math.max(num.bitLength(), den.bitLength()) - 900;
    if (shift <= 0) {
      return num.doubleValue() / den.doubleValue();
    }
    return new BigDecimal(num).divide(new BigDecimal(den), java.math.MathContext.DECIMAL64).doubleValue();
  }

  int bits() {
    return num.bitLength() + den.bitLength();
  }

  private boolean tooBig(Rational o) {
    return bits() + o.bits() > 2 * MAX_BITS;
  }
}
