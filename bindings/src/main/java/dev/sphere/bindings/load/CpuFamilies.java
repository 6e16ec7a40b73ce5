package dev.sphere.bindings.load;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Which of the jar's libraries this CPU gets. A jar that was built for this machine has one set of them, "native"; one
 * that goes to others has a set a family of CPUs ({@code native/cpus.sh}). The first one, best first, that the CPU can
 * run is taken.
 */
final class CpuFamilies {
  /** The environment variable that names families, with commas between: only those are considered. */
  static final String ENV = "SPHERE_CPU";

  private static final String PROPERTY = "sphere.cpu";
  private static final String NATIVE = "native";

  private CpuFamilies() {}

  /**
   * One set of libraries.
   *
   * @param platform such as "linux-x86_64"
   * @param name "native", or a family's name
   * @param needs what the CPU must have, as Linux names it
   */
  record Family(String platform, String name, Set<String> needs) {
    /** The libraries' folder below {@code native/} in the jar. */
    String folder() {
      return name.equals(NATIVE) ? platform : platform + "-" + name;
    }
  }

  /**
   * The family that was chosen.
   *
   * @param reason for the user: the family, and why none that is better
   */
  record Choice(Family family, String reason) {}

  /** The families that the user allows; "all" where the user names none. */
  static String wanted() {
    String value = System.getProperty(PROPERTY, System.getenv(ENV));
    return value == null || value.isBlank() ? "all" : value.replace(" ", "");
  }

  /**
   * Chooses.
   *
   * @param offered what the jar has, best first, of all platforms
   * @param platform this one
   * @param wanted names with commas between, or "all"
   * @param here this CPU's features; empty when they can't be known, the least of all families is taken then
   * @throws NativeUnavailableException with one line that says what is needed
   */
  static Choice choose(List<Family> offered, String platform, String wanted, Set<String> here) {
    List<Family> mine = offered.stream().filter(family -> family.platform().equals(platform)).toList();
    if (mine.isEmpty()) {
      throw new NativeUnavailableException(
          "No native libraries for " + platform + " are in this jar (it has "
              + (offered.isEmpty() ? "none"
              : offered.stream().map(Family::platform).distinct().collect(Collectors.joining(", ")))
              + "). " + (platform.startsWith("windows") ? "On Windows Sphere runs in WSL2."
                  : "Build on this machine, from Sphere's source: mvn -q -DskipTests package (or name a folder that holds"
                      + " them in SPHERE_NATIVE_DIR)."));
    }
    Set<String> names = Set.of(wanted.split(","));
    List<Family> asked =
        mine.stream().filter(family -> names.contains("all") || names.contains(family.name())).toList();
    if (asked.isEmpty()) {
      throw new NativeUnavailableException(
          ENV + "=" + wanted + ", but this jar has libraries for " + names(mine) + ". Name one of those, or unset it.");
    }
    if (here.isEmpty()) {
      return new Choice(asked.getLast(), asked.getLast().name() + " (this CPU's features are not known)");
    }
    List<String> passed = new ArrayList<>();
    for (Family family : asked) {
      Set<String> lacking = lacking(family.needs(), here);
      if (lacking.isEmpty()) {
        return new Choice(family, family.name() + (family.name().equals(NATIVE) ? ", the CPU that built it" : "")
            + (names.contains("all") ? "" : ", asked for by " + ENV)
            + (passed.isEmpty() ? "" : "; this CPU is not " + String.join(", not ", passed)));
      }
      passed.add(family.name() + " (no " + String.join(", ", lacking) + ")");
    }
    Family least = asked.getLast();
    String lacks = String.join(", ", lacking(least.needs(), here));
    if (least.name().equals(NATIVE)) {
      throw new NativeUnavailableException(
          "The native libraries in this jar were built for another CPU: this one has no " + lacks
              + ". Build on this machine: mvn -q clean package -DskipTests");
    }
    throw new NativeUnavailableException(
        (names.contains("all") ? "This jar needs a CPU of the kind " + least.name() + " or better"
            : ENV + "=" + wanted + " needs another CPU") + ": this one has no " + lacks
            + (names.contains("all") ? ". Build on this machine, from Sphere's source: mvn -q -DskipTests package" : "")
            + ".");
  }

  /** The features in {@code needs} that are not in {@code here}, sorted. */
  static Set<String> lacking(Set<String> needs, Set<String> here) {
    TreeSet<String> lacking = new TreeSet<>(needs);
    lacking.removeAll(here);
    return lacking;
  }

  private static String names(List<Family> families) {
    return families.stream().map(Family::name).collect(Collectors.joining(", "));
  }
}
