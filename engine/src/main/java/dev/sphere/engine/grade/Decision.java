package dev.sphere.engine.grade;

/**
 * A decision.
 *
 * @param rule the rule that decided
 * @param detail what stands in its words for {@code %s}; empty where they have none
 */
record Decision(Rule rule, String detail) {
  static Decision of(Rule rule) {
    return new Decision(rule, "");
  }

  static Decision of(Rule rule, Object detail) {
    return new Decision(rule, detail.toString());
  }

  boolean equal() {
    return rule.equal();
  }

  /** The rule in words. */
  String how() {
    return rule.words().replace("%s", detail);
  }
}
