package dev.sphere.grade.value;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Units of measure: what they measure and how large they are, so that 2 hours equal 120 minutes and 5 cm not 5 kg. */
public final class Units {
  /**
   * A unit.
   *
   * @param dimension powers of base quantities in a fixed spelling, "length:1,time:-1"; empty for a plain scale
   * @param factor size in the base units
   */
  public record Unit(String dimension, double factor) {}

  private record Base(String dimension, double factor) {}

  private static final Map<String, Base> BASES = new HashMap<>();

  static {
    add("length", 1, "m meter meters metre metres");
    add("length", 0.01, "cm centimeter centimeters centimetre centimetres cms");
    add("length", 0.001, "mm millimeter millimeters millimetre millimetres");
    add("length", 1000, "km kilometer kilometers kilometre kilometres kms");
    add("length", 0.0254, "in inch inches");
    add("length", 0.3048, "ft foot feet");
    add("length", 0.9144, "yd yds yard yards");
    add("length", 1609.344, "mi mile miles");
    add("mass", 1, "kg kilogram kilograms kgs kilo kilos");
    add("mass", 0.001, "g gram grams gm");
    add("mass", 1e-6, "mg milligram milligrams");
    add("mass", 0.45359237, "lb lbs pound pounds");
    add("mass", 0.45359237 / 16, "oz ounce ounces");
    add("mass", 1000, "tonne tonnes");
    add("mass", 907.18474, "ton tons");
    add("time", 1, "s sec secs second seconds");
    add("time", 60, "min mins minute minutes");
    add("time", 3600, "h hr hrs hour hours");
    add("time", 86400, "day days");
    add("time", 604800, "week weeks wk wks");
    add("months", 1, "month months");
    add("months", 12, "year years yr yrs");
    add("money", 1, "usd dollar dollars bucks $");
    add("money", 0.01, "cent cents ¢");
    add("euro", 1, "eur euro euros");
    add("sterling", 1, "gbp");
    add("yen", 1, "jpy yen");
    add("rupee", 1, "rs rupee rupees inr");
    add("yuan", 1, "yuan cny rmb");
    add("volume", 1, "l liter liters litre litres");
    add("volume", 0.001, "ml milliliter milliliters millilitre");
    add("volume", 3.785411784, "gallon gallons gal");
    add("volume", 3.785411784 / 4, "quart quarts qt");
    add("volume", 3.785411784 / 8, "pint pints");
    add("angle", 1, "degree degrees deg °");
    add("angle", 180 / Math.PI, "radian radians rad rads");
    add("energy", 1, "j joule joules");
    add("force", 1, "n newton newtons");
    add("power", 1, "w watt watts");
    add("voltage", 1, "v volt volts");
    add("area", 4046.8564224, "acre acres");
    add("area", 10000, "hectare hectares ha");
    add("", 1, "unit units point points");
    add("", 12, "dozen dozens");
    add("", 1e2, "hundred hundreds");
    add("", 1e3, "thousand thousands");
    add("", 1e6, "million millions");
    add("", 1e9, "billion billions bn");
    add("", 1e12, "trillion trillions");
  }

  private Units() {}

  private static void add(String dimension, double factor, String names) {
    for (String n : names.split(" ")) {
      BASES.put(n, new Base(dimension, factor));
    }
  }

  /** True for the name of a unit of two letters or more (one letter may be a variable). */
  public static boolean known(String word) {
    return word.length() > 1 && BASES.containsKey(word.toLowerCase(Locale.ROOT));
  }

  /** The scale words in a unit ("million dollars") as a number, 1 when there are none. */
  public static long scale(String unit) {
    long scale = 1;
    for (String w : unit.toLowerCase(Locale.ROOT).split("[^a-z]+")) {
      Base b = BASES.get(w);
      scale *= b != null && b.dimension().isEmpty() && scale < 1e9 ? (long) b.factor() : 1;
    }
    return scale;
  }

  /** True when both texts name the same unit. */
  public static boolean sameUnit(String a, String b) {
    return parse(a) != null && parse(a).equals(parse(b));
  }

  /** Reads "km/h", "square feet", "cm^2", "miles per hour"; null when a word is no unit (something counted). */
  public static Unit parse(String text) {
    if (text.length() > 60) {
      return null;
    }
    String t = text.toLowerCase(Locale.ROOT).replace("mph", "miles per hour").replace("kph", "km per hour")
        .replaceAll("[{}~]|\\\\[,!; ]", " ").replace("\\", "").replaceAll("(?<=[a-z])\\.", "")
        .replaceAll("\\bper\\b", " / ").replace("^", " ^ ").replace("/", " / ")
        .replaceAll("(?<=[a-z])([23])\\b", " ^ $1")
        .strip();
    Map<String, Integer> powers = new TreeMap<>();
    double factor = 1;
    int side = 1;
    int prefix = 1;
    String last = null;
    double lastFactor = 1;
    for (String w : t.split("\\s+")) {
      switch (w) {
        case "" -> { }
        case "/" -> side = -1;
        case "sq", "square" -> prefix = 2;
        case "cubic", "cu" -> prefix = 3;
        case "squared", "cubed", "2", "3", "^", "-1", "-2" -> {
          if (last == null || w.equals("^")) {
            break;
          }
          int p = w.equals("squared") || w.equals("2") ? 2 : w.equals("-1") ? -1 : w.equals("-2") ? -2 : 3;
          powers.merge(last, side * (p - 1), Integer::sum);
          factor *= Math.pow(lastFactor, side * (p - 1));
        }
        case "of", "the", "a", "an", "in" -> {
          if (w.equals("in") && (last == null || side < 0)) {
            powers.merge("length", side * prefix, Integer::sum);
            factor *= Math.pow(0.0254, side * prefix);
            last = "length";
            lastFactor = 0.0254;
          }
        }
        default -> {
          Base b = BASES.get(w);
          if (b == null) {
            return null;
          }
          last = b.dimension();
          lastFactor = b.factor();
          powers.merge(last, side * prefix, Integer::sum);
          factor *= Math.pow(lastFactor, side * prefix);
          prefix = 1;
        }
      }
    }
    // Volumes and areas with names of their own, in cubic and square metres.
    Integer litres = powers.remove("volume");
    if (litres != null) {
      powers.merge("length", 3 * litres, Integer::sum);
      factor *= Math.pow(0.001, litres);
    }
    Integer acres = powers.remove("area");
    if (acres != null) {
      powers.merge("length", 2 * acres, Integer::sum);
    }
    powers.remove("");
    powers.values().removeIf(p -> p == 0);
    return new Unit(powers.toString(), factor);
  }
}
