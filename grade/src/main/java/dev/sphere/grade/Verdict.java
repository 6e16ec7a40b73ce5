package dev.sphere.grade;

/**
 * A grading's result.
 *
 * @param equal true when both answers mean the same
 * @param how the rule that decided, a few words such as "same number" (stable enough to count by, not an interface)
 * @param gold the gold answer as it was found in its text
 * @param pred the predicted answer as it was found in its text; empty when none was found
 */
public record Verdict(boolean equal, String how, String gold, String pred) {}
