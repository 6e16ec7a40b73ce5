package dev.sphere.engine.stage;

import dev.sphere.engine.PreferencePair;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The length bias of pairs: where chosen solutions differ from rejected ones in length, preference training learns
 * length. Lengths in characters.
 *
 * @param pairs how many
 * @param chosen mean length of the chosen solutions
 * @param rejected mean length of the rejected ones
 * @param chosenLonger share of pairs whose chosen solution is the longer one; equal lengths count half
 * @param bias correlation of a solution's length with being chosen (point-biserial), -1 to 1; 0 is no bias
 * @param correlation Pearson's, of the two lengths of a pair; NaN where one of them never changes
 */
public record LengthBias(
    int pairs, double chosen, double rejected, double chosenLonger, double bias, double correlation) {

  /** The length bias of these pairs. */
  public static LengthBias of(List<PreferencePair> pairs) {
    int n = pairs.size();
    double[] both = new double[2 * n];
    double[] label = new double[2 * n];
    double[] c = new double[n];
    double[] r = new double[n];
    double longer = 0;
    for (int i = 0; i < n; i++) {
      c[i] = pairs.get(i).chosen().length();
      r[i] = pairs.get(i).rejected().length();
      both[2 * i] = c[i];
      both[2 * i + 1] = r[i];
      label[2 * i] = 1;
      longer += c[i] > r[i] ? 1 : c[i] == r[i] ? 0.5 : 0;
    }
    return new LengthBias(n, mean(c), mean(r), n == 0 ? Double.NaN : longer / n, pearson(both, label), pearson(c, r));
  }

  private static double mean(double[] values) {
    double sum = 0;
    for (double v : values) {
      sum += v;
    }
    return values.length == 0 ? Double.NaN : sum / values.length;
  }

  private static double pearson(double[] x, double[] y) {
    double mx = mean(x);
    double my = mean(y);
    double xy = 0;
    double xx = 0;
    double yy = 0;
    for (int i = 0; i < x.length; i++) {
      xy += (x[i] - mx) * (y[i] - my);
      xx += (x[i] - mx) * (x[i] - mx);
      yy += (y[i] - my) * (y[i] - my);
    }
    return xx == 0 || yy == 0 ? Double.NaN : xy / Math.sqrt(xx * yy);
  }

  /** The figures by name; those that do not exist are left out. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("pairs", pairs);
    put(m, "chosen_characters", chosen);
    put(m, "rejected_characters", rejected);
    put(m, "chosen_longer", chosenLonger);
    put(m, "bias", bias);
    put(m, "correlation", correlation);
    return m;
  }

  private static void put(Map<String, Object> m, String name, double value) {
    if (!Double.isNaN(value)) {
      m.put(name, value);
    }
  }
}
