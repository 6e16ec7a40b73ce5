package dev.sphere.engine.search;

import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.Map;
import java.util.Objects;

/**
 * Everything that shapes a pruned search. The defaults ({@link #paper()}) are the paper's where it gives a figure.
 *
 * @param candidates E, distinct candidate steps that are sampled at an expansion; at least 2 (paper: 5)
 * @param sampling how each token of a step is drawn (paper: temperature 0.8); {@code maxTokens} bounds one step
 * @param maxDepth most steps of a solution; a path that reaches it without an answer is marked as truncated
 * @param simulations N; one simulation is the paper's two chains, more of them widen the search by UCT
 * @param uct exploration constant c of UCT: {@code Q + c * sqrt(ln(parent visits) / visits)}
 * @param advantageWeight w in {@code R(s_t) = prm(s_t) + w * (prm(s_t) - prm(s_(t-1)))}. The paper speaks of "an
 *     advantage reward that accounts for progress made"; weight 1 is our reading of it
 * @param outcomeWeight what a right answer adds to what is backed up from its terminal node
 * @param backup what is backed up from a terminal node besides
 * @param separator the text that ends a step
 * @param resampleRounds most extra rounds of sampling when candidates came out equal
 * @param distinct when two candidates count as equal
 * @param stopAtAnswer a step that holds a final answer (a closed {@code \boxed{...}} or a {@code #### x} line) ends the
 *     path, although the model did not draw its end token
 * @param truncatedRejected a step at which the path was cut may be S_min ({@code StageSettings} declares the setting)
 */
@RecordBuilder
public record SearchSettings(
    @Setting(def = "5", range = "[2, 10000]", label = "E", source = "paper",
        help = "Distinct candidates of an expansion; the best and the worst survive.")
    int candidates,
    @Nested(rename = "max_tokens", to = @Setting(name = "max_step_tokens", range = "[1, )", label = "N",
        unit = "tokens",
        shown = "512; embedded models: 64", help = "Most tokens of a step."))
    SamplingSettings sampling,
    @Setting(name = "depth", def = "24", range = "[1, )", label = "N", unit = "steps",
        help = "Most steps of a solution.")
    int maxDepth,
    @Setting(def = "1", range = "[1, )", label = "N", needs = "!strategy",
        source = "our reading of the paper",
        help = "Simulations of a search. One finds the paper's two chains, more of them widen the tree by UCT.")
    int simulations,
    @Setting(def = "1.4142135623730951", shown = "1.414", range = "[0, )", label = "C",
        help = "Exploration constant of UCT.")
    double uct,
    @Setting(def = "1", range = "[0, )", label = "W", source = "our reading of the paper",
        help = "w of a step's reward R = prm + w (prm - parent's prm). Siblings have one parent: it chooses none of "
            + "them. It counts in the rewards on record, and in what is backed up with backup: advantage.")
    double advantageWeight,
    @Setting(def = "1", range = "(, )", label = "W",
        help = "What a right answer adds to what is backed up from the end of a path.")
    double outcomeWeight,
    @Setting(def = "score", label = "RULE",
        help = "What the end of a path hands to every node above it, besides the outcome weight: score, the last "
            + "step's process reward; mean, that of all its steps; outcome, nothing; advantage, R of the last step. "
            + "Counts from the second simulation on.")
    Backup backup,
    @Setting(label = "TEXT", shown = "an empty line; embedded models: a line feed", escapes = true,
        help = "The text that ends a step.")
    String separator,
    @Setting(def = "3", range = "[0, )", label = "N",
        help = "Most extra rounds of sampling when candidates came out equal.")
    int resampleRounds,
    @Setting(def = "whitespace", label = "RULE", help = "When two candidates count as equal.")
    Distinct distinct,
    @Setting(def = "true",
        help = "A step with a final answer (a closed \\boxed{...} or a line #### x) ends the path, although the model "
            + "did not.")
    boolean stopAtAnswer,
    @Setting(name = "truncated_rejected", help = "") boolean truncatedRejected) implements SearchSettingsBuilder.With {

  public SearchSettings {
    Objects.requireNonNull(sampling, "sampling");
    Objects.requireNonNull(backup, "backup");
    Objects.requireNonNull(distinct, "distinct");
    SettingsTree.requireRanges(SearchSettings.class, candidates, sampling, maxDepth, simulations, uct, advantageWeight,
        outcomeWeight, backup, separator, resampleRounds, distinct, stopAtAnswer, truncatedRejected);
    if (separator.isEmpty()) {
      throw new IllegalArgumentException("the step separator must not be empty");
    }
  }

  /** E = 5, temperature 0.8, one simulation, steps end in an empty line. */
  public static SearchSettings paper() {
    return SettingsTree.of(SearchSettings.class).make(
        SearchSettings.class, GivenSettings.nothing(), Map.of("separator", "\n\n", "max_step_tokens", 512), Map.of());
  }
}
