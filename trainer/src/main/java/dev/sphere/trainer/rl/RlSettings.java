package dev.sphere.trainer.rl;

import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.job.Tuning;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.optim.Schedule;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * What a user may say about policy gradients.
 *
 * @param draws independent draws of a problem, where there is no tree
 * @param tree draws of an expansion, from the prompt down; empty: {@code draws} of the prompt
 * @param maxTokens most tokens of a solution; a draw that they end is wrong
 * @param seconds no update begins after so much time; null: no limit
 * @param tokens no update begins after so many drawn tokens; 0: no limit
 * @param rewardCommand the command that scores solutions; null: answers are compared with the problems'
 * @param rewardSeconds how long the command may take for a solution
 * @param evalProblems problems to measure; null: a share of those that are learned from
 * @param evalShare share of the problems that is held out, at most {@link #MOST_HELD_OUT} of them
 * @param evalEvery updates between two validations; 0: none but before the first update and after the last
 * @param evalSamples draws of each held-out problem besides the greedy answer
 * @param patience validations in a row without a better one that end the run; 0: none do
 * @param train of the loop; its batch is problems
 */
@RecordBuilder
public record RlSettings(
    @Setting(def = "8", range = "[2, )", label = "N", needs = "!tree",
        help = "Independent draws of each problem.")
    int draws,
    @Setting(def = "", shown = "none, independent draws", label = "N,N,...", range = "[2, )",
        help = "A tree of draws in their place: N of the prompt, N of each distinct beginning, and so on. 4,4,4 "
            + "branches after a third and two thirds of the lines that earlier solutions have.")
    List<Integer> tree,
    @Setting(def = "128", shown = "128; embedded models: 256", range = "[1, )", label = "N", unit = "tokens",
        help = "Most tokens of a solution. A draw that they end is wrong.")
    int maxTokens,
    @Setting(name = "time", label = "TIME", shown = "no limit", by = Time.class,
        help = "No update begins after so much time: 90s, 5m, 2h.")
    Long seconds,
    @Setting(def = "0", shown = "0, no limit", range = "[0, )", label = "N", unit = "tokens",
        help = "No update begins after so many drawn tokens.")
    long tokens,
    @Nested PolicyLoss loss,
    @Setting(label = "COMMAND", shown = "answers are compared with the problems'",
        help = "A command that scores solutions: it reads a JSON object a line (id, question, answer, metadata, "
            + "solution) and answers each with a line, a number in [0, 1]. It runs with your rights, without a shell.")
    String rewardCommand,
    @Setting(def = "10", range = "(0, )", label = "S", unit = "seconds", needs = "reward_command",
        help = "How long the command may take for a solution; then it is started anew, and a solution that fails twice "
            + "has the score 0.")
    double rewardSeconds,
    @Setting(label = "FILE", shown = "a share of the problems",
        help = "Problems that are measured and not learned from.")
    String evalProblems,
    @Setting(def = "0.05", range = "[0, 1)", label = "S", needs = "!eval_problems",
        help = "Share of the problems that is held out and measured, at most 100 problems; 0: none.")
    double evalShare,
    @Setting(def = "25", range = "[0, )", label = "N", unit = "updates",
        help = "Updates between two measurements; the best adapter is kept. 0: before the first and after the last.")
    int evalEvery,
    @Setting(def = "4", range = "[0, )", label = "K",
        help = "Draws of each held-out problem besides the greedy answer.")
    int evalSamples,
    @Setting(def = "0", shown = "0, never", range = "[0, )", label = "N",
        help = "Ends after N measurements in a row without a better one.")
    int patience,
    @Nested(heading = "What is trained") Tuning tuning,
    @Nested(heading = "How it is trained", rename = "batch_pairs", to = @Setting(name = "batch_problems", def = "16",
        range = "[1, )", label = "N", help = "Problems of an update."))
    TrainSettings train,
    @Setting(name = "activation_mib", def = "1024", range = "[1, )", label = "MIB", unit = "MiB",
        effect = Setting.Effect.SPEED, help = "Memory for activations; layers that find no room are computed again.")
    int activationMib,
    @Nested(heading = "What is said to the model") Prompts prompts,
    @Nested Precision precision) implements RlSettingsBuilder.With {
  /** Held-out problems at most; more cost time that drawing can use. */
  static final int MOST_HELD_OUT = 100;

  /** What can be said. */
  public static final SettingsTree SETTINGS = SettingsTree.of("What is learned", RlSettings.class)
      .without("method", "dora", "order", "log_every", "correction", "corrected_after")
      .withDefault("schedule", "constant").withDefault("warmup", "5").withDefault("save_every", "20");

  /** Reads a time. */
  static final class Time implements Function<String, Long> {
    @Override
    public Long apply(String text) {
      String number = text.replaceFirst("[smh]$", "");
      if (!number.matches("[1-9][0-9]{0,8}")) {
        throw new IllegalArgumentException(
            "a time is a whole number of seconds (s), minutes (m) or hours (h), such as 5m, not '" + text + "'");
      }
      return Long.parseLong(number) * (text.endsWith("h") ? 3600 : text.endsWith("m") ? 60 : 1);
    }
  }

  public RlSettings {
    SettingsTree.requireRanges(RlSettings.class, draws, tree, maxTokens, seconds, tokens, loss, rewardCommand,
        rewardSeconds, evalProblems, evalShare, evalEvery, evalSamples, patience, tuning, train, activationMib, prompts, precision);
    tree = List.copyOf(tree);
    if (!tuning.isLora() || tuning.magnitudes()) {
      throw new IllegalArgumentException("policy gradients train a LoRA adapter without magnitudes: the decoder draws "
          + "with it after each update");
    }
    Schedule schedule = train.schedule();
    if (endless(train, seconds, tokens) && (schedule.kind() != Schedule.Kind.CONSTANT || schedule.warmup() > 0 && schedule.warmup() < 1)) {
      throw new IllegalArgumentException("with a limit of time or tokens the number of updates is not known beforehand: "
          + "take the schedule constant and a warmup of so many updates, or say --steps");
    }
  }

  /**
   * The settings of what a user said.
   *
   * @param told checked
   * @param model whose prompts are taken where nothing is told
   */
  public static RlSettings of(GivenSettings told, Path model) {
    ModelDefaults defaults = ModelDefaults.of(model);
    Map<String, Object> usual = new HashMap<>(defaults.prompts().values());
    if (defaults.equals(ModelDefaults.embedded())) {
      usual.put("max_tokens", defaults.solutionTokens());
    }
    usual.put("threads", Runtime.getRuntime().availableProcessors());
    return SETTINGS.make(RlSettings.class, told, usual, Map.of());
  }

  /** Draws of each level's expansions. */
  List<Integer> widths() {
    return tree.isEmpty() ? List.of(draws) : tree;
  }

  /** Whether time or tokens alone end the run. */
  boolean endless() {
    return endless(train, seconds, tokens);
  }

  private static boolean endless(TrainSettings train, Long seconds, long tokens) {
    return train.maxSteps() == 0 && (seconds != null || tokens > 0);
  }
}
