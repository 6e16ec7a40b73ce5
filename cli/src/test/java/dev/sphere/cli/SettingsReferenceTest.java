package dev.sphere.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.data.Decontamination;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.run.EvalRecipe;
import dev.sphere.engine.run.SearchPlan;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingSpec;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.evolve.Recipe;
import dev.sphere.trainer.job.JobSettings;
import dev.sphere.trainer.job.PairSettings;
import dev.sphere.trainer.job.TrainTask;
import dev.sphere.trainer.loss.LossSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** {@code docs/reference/settings.md} is what the records declare, and flags and recipes reach the same settings. */
class SettingsReferenceTest {
  private static final Path PAGE = Path.of("../docs/reference/settings.md");

  /** The page. */
  private static String page() {
    StringBuilder out = new StringBuilder("""
        # Settings

        This page is written by a test from what the code declares. Each setting has one name: `max_length` in a recipe is `--max-length` on
        the command line. `./sphere COMMAND --help` shows the same text.

        - A value outside its range, an unknown name, or a setting that has no effect beside the others is refused. The message names the
          flag or key as you wrote it.
        - A run goes on with `--resume` only when the settings that decide its result are the same. Those marked *speed* change speed, memory
          or what is kept, never the result.
        - Several values are separated by commas in flags and are a list in recipes. In flags `\\n` stands for a line feed where a text ends
          steps.

        """);
    section(out, "Search", "`sphere search`; recipe: `search`", SearchPlan.SETTINGS.section(""));
    section(out, "Prompts", "`sphere search`, `sphere eval`; recipe: `prompt`", SearchPlan.SETTINGS.section("prompt"));
    section(out, "Problem files", "`sphere search`, `eval`; recipe: at the top",
        SettingsTree.of(ReadOptions.class).and(SettingsTree.of(Decontamination.Settings.class)));
    section(out, "Training", "`sphere train dpo`, `sft`, `prm`; recipe: `train`", JobSettings.SETTINGS);
    section(out, "Losses of preferences", "`sphere train dpo`; recipe: `train`. [Losses](losses.md) has the formulas",
        SettingsTree.of(LossSettings.class));
    section(out, "Pairs", "`sphere train dpo`; recipe: `train`", SettingsTree.of(PairSettings.class));
    section(out, "Imitation of a run", "`sphere train sft`", SettingsTree.of(TrainTask.ImitateRun.class));
    section(out, "Process reward models", "`sphere train prm`", SettingsTree.of(TrainTask.Judge.class));
    section(out, "Evaluation", "`sphere eval`; a benchmark's recipe (`recipes/eval-*.yaml`)", EvalRecipe.keys());
    section(out, "Evolution", "recipes of `sphere evolve`: at the top, beside `prompt`, `search`, `train`, `evaluate` and `validate`",
        Recipe.TOP);
    section(out, "Comparison after a round", "recipes of `sphere evolve`: `evaluate`", Recipe.EVALUATE);
    section(out, "Choice of a round", "recipes of `sphere evolve`: `validate`", Recipe.VALIDATE);
    return out.toString().stripTrailing() + "\n";
  }

  private static void section(StringBuilder out, String title, String where, SettingsTree tree) {
    out.append("## ").append(title).append("\n\n").append(where).append(".\n");
    Map<String, List<SettingSpec>> headings = new LinkedHashMap<>();
    tree.settings().forEach(s -> headings.computeIfAbsent(s.heading(), h -> new ArrayList<>()).add(s));
    headings.forEach((heading, settings) -> {
      if (headings.size() > 1 && !heading.isEmpty()) {
        out.append("\n**").append(heading).append("**\n");
      }
      out.append("\n| key | default | may be | what it does |\n|---|---|---|---|\n");
      settings.forEach(s -> out.append(row(s)));
    });
    out.append('\n');
  }

  private static String row(SettingSpec s) {
    List<String> more = new ArrayList<>(List.of(s.about().help()));
    for (String need : s.about().needs()) {
      more.add((need.startsWith("!") ? "Not with " : "Only with ") + Arrays.stream(need.replace("!", "").split(" or "))
          .map(n -> "`" + n.replace("=", ": ").replace("*", "...") + "`").collect(Collectors.joining(" or ")) + ".");
    }
    if (s.about().effect() == Setting.Effect.SPEED) {
      more.add("*Speed.*");
    }
    if (!s.about().source().isEmpty()) {
      more.add("Default: " + s.about().source() + ".");
    }
    String flag = s.isOn() ? " (`" + s.flag() + "`)" : "";
    String unit = s.about().unit().isEmpty() ? "" : " " + s.about().unit();
    String def = s.isSwitch() && s.shownDefault().isEmpty() ? "false" : s.shownDefault();
    return "| `" + s.name() + "`" + flag + " | " + escaped(def) + (def.matches("[0-9.e-]+") ? unit : "") + " | "
        + escaped(s.isSwitch() ? "true or false" : s.allowed()) + " | " + escaped(String.join(" ", more)) + " |\n";
  }

  private static String escaped(String text) {
    return text.replace("|", "\\|").replace("<", "&lt;");
  }

  @Test
  void thePageIsWhatTheRecordsDeclare() throws IOException {
    if (Boolean.getBoolean("sphere.docs.write")) {
      Files.writeString(PAGE, page());
    }
    assertEquals(page(), Files.exists(PAGE) ? Files.readString(PAGE) : "", "the page is stale; write it anew: mvn -pl cli -am "
        + "-Dtest=SettingsReferenceTest -Dsurefire.failIfNoSpecifiedTests=false -Dsphere.docs.write=true test");
  }

  /** Every setting says what it does, and nothing is left for which somebody could not tell what it may be. */
  @Test
  void everySettingIsDescribed() {
    for (SettingsTree tree : List.of(Recipe.SEARCH, Recipe.TRAIN, Recipe.TOP, Recipe.EVALUATE, Recipe.VALIDATE, EvalRecipe.keys())) {
      for (SettingSpec s : tree.settings()) {
        assertTrue(s.about().help().endsWith(".") || s.about().help().endsWith("..."), s.name() + ": " + s.about().help());
        assertTrue(s.isSwitch() || s.def() != null || !s.shownDefault().isEmpty() || Set.of("model", "problems", "name", "count",
            "prm", "strategy").contains(s.name()), s.name() + " says nothing of its default");
      }
    }
  }

  /** What flags reach recipes reach, and the other way round, but for files and what is done with a run. */
  @Test
  void flagsAndRecipesReachTheSame() {
    assertEquals(keys(Recipe.SEARCH.and(Recipe.TOP), "name", "rounds", "fresh-problems", "replay", "reward"),
        flags("search", "recipe", "run", "resume", "adapter", "shard", "spark", "dry-run", "profile", "json"));
    assertEquals(keys(Recipe.TRAIN), flags("train dpo",
        "model", "pairs", "drop-flagged", "adapter-out", "out", "resume", "dry-run", "json", "seed", "chat-template"));
    assertEquals(keys(EvalRecipe.keys().and(SettingsTree.of(ReadOptions.class)), "name", "count"), flags("eval", "model",
        "adapter", "recipe", "parallel", "out", "resume", "shard", "spark", "regrade", "baseline", "markdown", "html", "json"));
  }

  private static Set<String> keys(SettingsTree tree, String... without) {
    Set<String> names = tree.settings().stream().map(s -> s.flag().substring(2)).collect(Collectors.toCollection(TreeSet::new));
    names.removeAll(List.of(without));
    return names;
  }

  private static Set<String> flags(String command, String... without) {
    CommandLine line = new CommandLine(new Main());
    for (String word : command.split(" ")) {
      line = line.getSubcommands().get(word);
    }
    Set<String> names = new TreeSet<>();
    for (OptionSpec option : line.getCommandSpec().options()) {
      names.add(Arrays.stream(option.names()).filter(n -> !n.matches("--(batch-size|model-out|data|run)") || option.names().length == 1)
          .filter(n -> n.startsWith("--")).findFirst().orElseThrow().substring(2));
    }
    names.removeAll(Set.of("help", "help-all", "version"));
    names.removeAll(Arrays.asList(without));
    return names;
  }
}
