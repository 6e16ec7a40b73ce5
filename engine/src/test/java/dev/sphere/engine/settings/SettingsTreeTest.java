package dev.sphere.engine.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** The tree over records made for it: what it describes, checks, refuses and makes. */
class SettingsTreeTest {
  enum Way implements Labelled {
    UP, FAR_DOWN;

    @Override
    public String label() {
      return name().toLowerCase().replace('_', '-');
    }
  }

  record Draw(
      @Setting(def = "0.5", range = "[0, 1)", help = "Heat.") float heat,
      @Setting(range = "[1, )", help = "Most.") int most) {}

  record Step(
      @Setting(def = "2", range = "[2, )", help = "Wide.", aliases = "breadth", needs = "way") int width,
      @Nested(rename = "most", to = @Setting(name = "most_steps", range = "[1, )", help = "Most steps.")) Draw draw) {}

  record Odd(@Setting(help = "Which way.") Way way, long doubled, Set<String> words) {
    @FromSettings
    static Odd of(
        @Setting(name = "way", help = "") Way way,
        @Setting(name = "half", def = "3", help = "Half of it.") long doubled,
        @Setting(name = "words", def = "a,b", must = "a", help = "Words.") Set<String> words) {
      return new Odd(way, 2 * doubled, words);
    }
  }

  record All(
      @Setting(help = "The way.") Way way,
      @Nested(heading = "Steps", section = "step") Step step,
      @Nested(heading = "Draws") Draw draw,
      @Nested(when = "way") Odd odd,
      @Setting(def = "true", help = "Whether.") boolean greedy,
      @Setting(help = "Not until.", needs = {"way=up or way=far* or elsewhere", "!calm"}) Double late,
      @Setting(help = "Calm.") boolean calm,
      String name) {}

  private static final SettingsTree TREE = SettingsTree.of(All.class);

  private static GivenSettings told(String json) {
    return TREE.check(GivenSettings.of(JsonMapper.shared().readTree(json), "all."), "all.");
  }

  private static All make(String json) {
    return TREE.make(All.class, told(json), Map.of("most", 7, "most_steps", 9), Map.of("name", "n"));
  }

  private static String refused(String json) {
    return assertThrows(IllegalArgumentException.class, () -> make(json)).getMessage();
  }

  private static String useless(String json) {
    return assertThrows(IllegalArgumentException.class, () -> TREE.requireEffects(
        told(json), n -> null, n -> "--" + n)).getMessage();
  }

  @Test
  void itDescribesWhatTheRecordsAskFor() {
    assertEquals(List.of("way", "width", "heat", "most_steps", "most", "half", "words", "greedy", "late", "calm"),
        TREE.settings().stream().map(SettingSpec::name).toList());
    assertEquals("--no-greedy", TREE.get("greedy").flag());
    assertEquals("--most-steps", TREE.get("most_steps").flag());
    assertEquals("Steps", TREE.get("heat").heading());
    assertEquals("Draws", TREE.get("most").heading());
    assertEquals(List.of("width", "heat", "most_steps"),
        TREE.section("step").settings().stream().map(SettingSpec::name).toList());
    assertEquals("at least 2", TREE.get("width").allowed());
    assertEquals("in [0, 1)", TREE.get("heat").allowed());
    assertEquals("up or far-down", TREE.get("way").allowed());
    assertEquals("0.5", TREE.get("heat").shownDefault());
    assertEquals("", TREE.get("late").shownDefault());
    assertEquals("0 or at least 1", Range.of("0 or [1, )").words());
    assertEquals("finite", Range.of("(, )").words());
    assertEquals("in (0, 0.5]", Range.of("(0, 0.5]").words());
  }

  @Test
  void itMakesTheRecordsOfDefaultsAndWhatIsTold() {
    All usual = make("{}");
    assertEquals(new All(null, new Step(2, new Draw(0.5f, 9)), new Draw(0.5f, 7), null, true, null, false, "n"), usual);
    All told = make("""
        {"way": "FAR_DOWN", "breadth": 3, "heat": 0.25, "most": 1, "half": 5, "words": ["a", "c"], "greedy": false,
         "late": null, "most_steps": "4"}
        """);
    assertEquals(new All(Way.FAR_DOWN, new Step(3, new Draw(0.25f, 4)), new Draw(0.25f, 1),
        new Odd(Way.FAR_DOWN, 10, Set.of("a", "c")), false, null, false, "n"), told);
    assertNull(usual.odd());
    assertEquals("most has no value: it is not told, and has no default",
        assertThrows(IllegalArgumentException.class, () -> TREE.make(Draw.class, GivenSettings.nothing())).getMessage());
    assertEquals(new Draw(0.75f, 2), TREE.withDefault("heat", "0.75").make(Draw.class, told("{\"most\": 2}")));
    assertEquals(Arrays.asList(null, 2, 0.5f, null, null, 3L, List.of("a", "b"), true, null, false),
        new ArrayList<>(TREE.values(GivenSettings.nothing()).values()));
  }

  @Test
  void unknownNamesAreAnsweredWithTheNearest() {
    assertEquals("unknown key 'all.widht': did you mean 'all.width'?", refused("{\"widht\": 3}"));
    assertEquals("unknown key 'all.ms': did you mean 'all.most_steps'?", refused("{\"ms\": 3}"));
    assertTrue(refused("{\"quite_another\": 3}").startsWith("unknown key 'all.quite_another'; known here: [all.way, "));
    assertEquals("all.breadth and all.width say the same: give one of them", refused("{\"width\": 3, \"breadth\": 3}"));
  }

  @Test
  void valuesThatAreNoneAreNamedAsWritten() {
    assertEquals("all.breadth must be at least 2, not 1", refused("{\"breadth\": 1}"));
    assertEquals("all.width must be a whole number, not 'x'", refused("{\"width\": \"x\"}"));
    assertEquals("all.heat must be in [0, 1), not 1", refused("{\"heat\": 1}"));
    assertEquals("all.heat must be in [0, 1), not NaN", refused("{\"heat\": \"NaN\"}"));
    assertEquals("all.late must be a number, not 'soon'", refused("{\"late\": \"soon\"}"));
    assertEquals("all.way must be up or far-down, not 'left'", refused("{\"way\": \"left\"}"));
    assertEquals("all.greedy must be true or false, not 'yes'", refused("{\"greedy\": \"yes\"}"));
    assertEquals("all.width must be one value, not [1, 2]", refused("{\"width\": [1, 2]}"));
    assertEquals("all.words must name a, not b alone", refused("{\"words\": \"b\"}"));
    assertEquals("all.width must be a value, not {\"x\":1}", refused("{\"width\": {\"x\": 1}}"));
    assertEquals("all must be names with values, not [1]", refused("[1]"));
  }

  @Test
  void whatHasNoEffectIsRefused() {
    assertEquals("all.breadth has no effect without --way", useless("{\"breadth\": 3}"));
    assertEquals("all.late has no effect without --way up or --way far...", useless("{\"late\": 3}"),
        "what is not known here is not offered");
    assertEquals("late has no effect without way up or way far... or elsewhere", assertThrows(IllegalArgumentException.class,
        () -> TREE.requireEffects(GivenSettings.nothing().with("late", List.of("3"), "late"), n -> false, n -> n)).getMessage());
    assertEquals("all.late has no effect with --calm", useless("{\"late\": 3, \"way\": \"up\", \"calm\": true}"));
    TREE.requireEffects(told("{\"late\": 3, \"way\": \"far_down\", \"calm\": false, \"width\": 4}"), n -> null, n -> n);
    SettingsTree part = TREE.only("width");
    GivenSettings width = GivenSettings.nothing().with("width", List.of("3"), "--width");
    part.requireEffects(width, n -> null, n -> n); // nothing is known of the way
    part.requireEffects(width, n -> true, n -> n);
    assertEquals("--width has no effect without way", assertThrows(IllegalArgumentException.class,
        () -> part.requireEffects(width, n -> false, n -> n)).getMessage());
  }

  record Files(
      @Setting(label = "MODEL", help = "A model.") String model,
      @Setting(label = "FILE", help = "Sets.") List<String> sets,
      @Setting(label = "KIND", help = "A reward.") String prm,
      @Setting(label = "TEXT", help = "A text.") String text) {}

  /** A file's files lie beside it; names of what is embedded, and what is no file, stay as they are. */
  @Test
  void filesAreFoundFromAFolder() {
    SettingsTree tree = SettingsTree.of(Files.class);
    GivenSettings told = tree.from(Path.of("recipes"), tree.check(GivenSettings.of(JsonMapper.shared().readTree("""
        {"model": "../m.gguf", "sets": ["a.jsonl", "/data/b.jsonl", "embedded:test"], "prm": "implicit:r.gguf,s.gguf",
         "text": "a.jsonl"}
        """), ""), ""));
    assertEquals(new Files("m.gguf", List.of("recipes/a.jsonl", "/data/b.jsonl", "embedded:test"),
        "implicit:recipes/r.gguf,recipes/s.gguf", "a.jsonl"), tree.make(Files.class, told));
    assertEquals("mc", SettingSpec.from(Path.of("recipes"), "KIND", "mc"));
    assertEquals("embedded", SettingSpec.from(Path.of("recipes"), "MODEL", "embedded"));
  }

  @Test
  void componentsAreCalledByTheirFlags() {
    assertEquals("--width is 3; --most-steps is 2, --most 1; --half; late, step.widths",
        SettingsTree.byFlags("step.width is 3; step.draw.most is 2, draw.most 1; odd.doubled; late, step.widths", All.class));
  }
}
