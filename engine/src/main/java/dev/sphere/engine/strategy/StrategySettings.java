package dev.sphere.engine.strategy;

import dev.sphere.engine.reward.Aggregation;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import java.util.Map;

/**
 * Settings of a strategy, beside those of the search (sampling, separator, depth; for sphere all of them).
 *
 * @param kind the strategy
 * @param budget tokens that it may spend on one problem: generated ones, rollouts of a Monte Carlo reward among them,
 *     and those that reward models read. Nothing new is begun when they are spent; what is begun is finished
 * @param width solutions that best-of-n and rejection draw at a time
 * @param aggregation how the scores of its steps rank a solution
 */
public record StrategySettings(
    @Setting(name = "strategy", label = "NAME", shown = "the paper's search with its simulations",
        help = "Another way to search, each until the budget is spent.")
    Strategy kind,
    @Setting(def = "4000", range = "[1, )", label = "TOKENS", unit = "tokens", needs = "strategy",
        help = "Tokens a problem (and stage) for a strategy, rollouts and what reward models read included.")
    long budget,
    @Setting(def = "4", range = "[1, 10000]", label = "N",
        needs = "strategy=best-of-n or strategy=rejection", help = "Solutions drawn at a time.")
    int width,
    @Setting(def = "last", label = "RULE", needs = "strategy", help = "How the scores of its steps rank a solution.")
    Aggregation aggregation) {
  public StrategySettings {
    SettingsTree.requireRanges(StrategySettings.class, kind, budget, width, aggregation);
  }

  /** Four solutions at a time, ranked by the last step's score. */
  public static StrategySettings of(Strategy kind, long budget) {
    return SettingsTree.of(StrategySettings.class).make(
        StrategySettings.class, GivenSettings.nothing(), Map.of("strategy", kind, "budget", budget), Map.of());
  }
}
