package dev.sphere.grade.compare;

/**
 * A decision.
 *
 * @param rule the rule that decided
 * @param detail what stands in its words for {@code %s}; empty where they have none
 */
public record Decision(Rule rule, String detail) {
  /** The decision of a rule. */
  public static Decision of(Rule rule) {
    return new Decision(rule, "");
  }

  /** The decision of a rule, with the detail for {@code %s} in its words. */
  public static Decision of(Rule rule, Object detail) {
    return new Decision(rule, detail.toString());
  }

  /** True when the answers mean the same. */
  public boolean equal() {
    return rule.equal();
  }

  /** The rule in words. */
  public String how() {
    return rule.words().replace("%s", detail);
  }
}
