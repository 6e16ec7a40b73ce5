package dev.sphere.engine.store;

import dev.sphere.bindings.device.Arithmetic;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;

/**
 * The comparison of what two results are made from: settings, hashes of models and data, and the machine's arithmetic,
 * as texts by name. Searches, evaluations, completions, trainings and shards ask here whether one may go on with
 * another.
 */
public final class RunIdentity {
  private static final int MOST = 5; // differences in a message

  private RunIdentity() {}

  /**
   * The entries that differ, each in words: {@code seed is "1", not "2"}.
   *
   * @param there the identity of the result that is there
   * @param wanted the identity of the result that is to be made
   * @return empty where one may go on with the other
   */
  public static List<String> differences(Map<String, String> there, Map<String, String> wanted) {
    List<String> differences = new ArrayList<>();
    TreeSet<String> names = new TreeSet<>(there.keySet());
    names.addAll(wanted.keySet());
    for (String name : names) {
      String its = there.get(name);
      String other = wanted.get(name);
      boolean arithmetic = name.equals(Arithmetic.NAME);
      if (arithmetic ? Arithmetic.differ(its, other) : !Objects.equals(placeless(name, its), placeless(name, other))) {
        differences.add(name + " is " + quoted(its) + ", not " + quoted(other) + (arithmetic ? " ("
            + Arithmetic.advice() + ")" : ""));
      }
    }
    return differences;
  }

  /**
   * Refuses to go on with a result that is made from something else.
   *
   * @param place where that result is
   * @param advice what to do, a sentence without its full stop
   * @throws StoreException.Refused when an entry differs; the message names the first five
   */
  public static void require(Object place, Map<String, String> there, Map<String, String> wanted, String advice) {
    List<String> all = differences(there, wanted);
    if (!all.isEmpty()) {
      throw new StoreException.Refused(place + " was made from something else: "
          + String.join("; ", all.subList(0, Math.min(MOST, all.size())))
          + (all.size() > MOST ? "; and " + (all.size() - MOST) + " more" : "") + ". " + advice);
    }
  }

  /** Where a reward's models lie decides nothing; their hashes are an entry of their own. */
  private static String placeless(String name, String value) {
    return name.equals("prm.kind") && value != null ? value.replaceAll("[^:,]*/", "") : value;
  }

  private static String quoted(String value) {
    if (value == null) {
      return "absent";
    }
    return '"' + (value.length() > 80 ? value.substring(0, 77) + "..." : value) + '"';
  }
}
