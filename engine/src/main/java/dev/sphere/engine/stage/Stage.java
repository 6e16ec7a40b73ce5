package dev.sphere.engine.stage;

import java.util.Locale;

/** The paper's three stages. */
public enum Stage {
  /** Self-generation: the policy searches the problem. */
  GENERATION,
  /** Self-correction: the policy sees its wrong solution and solves the problem again. */
  CORRECTION,
  /** Diversity induction: the small model looks for plausible wrong solutions. */
  DIVERSITY;

  /** The name in files: lower case. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  public static Stage of(String label) {
    return valueOf(label.toUpperCase(Locale.ROOT));
  }
}
