package dev.sphere.engine.probe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.probe.AskingChoice.Chosen;
import dev.sphere.engine.probe.AskingChoice.Tried;
import dev.sphere.engine.probe.AskingChoice.Way;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.GradedAnswers;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** How a scripted model is best asked. */
class AskingChoiceTest {
  private static final String RIGHT = "3+4=7\nThe answer is 7$";
  private static final String WRONG = "3+5=8\nThe answer is 8$";
  private static final String GUESSED = "We bought 7 of them in all, it was nice$"; // right, and not stated
  private static final String CUT = "The answer is 7~";

  private final ScriptedPolicy policy = new ScriptedPolicy();
  private final AskingChoice choice =
      new AskingChoice(policy, new GradedAnswers(), SamplingSettings.temperature(0.8f, 100), 1);

  private static List<Problem> problems(int n) {
    return IntStream.range(0, n).mapToObj(i -> new Problem("p" + i, "Q" + i, "7")).toList();
  }

  /** A way that says {@code first} to the first so many problems and {@code then} to the others, in both draws. */
  private Way way(String name, int many, String first, String then) {
    for (int i = 0; i < 100; i++) {
      policy.after("u[" + name + " Q" + i + "]a:", i < many ? first : then);
    }
    return new Way(name, Prompts.defaults().with(null, name + " {question}", null, null, null));
  }

  private static List<List<String>> names(Chosen chosen) {
    return chosen.heats().stream().map(heat -> heat.stream().map(t -> t.way().name()).toList()).toList();
  }

  /** Five, three, two: what leads early and falls back is not taken, nor what is right without saying so. */
  @Test
  void theBetterHalfGoesOnAndTheLastIsTaken() throws InterruptedException {
    List<Way> ways = List.of(way("guesses", 100, GUESSED, GUESSED), way("early", 12, RIGHT, WRONG),
        way("late", 100, RIGHT, RIGHT), way("cut", 100, CUT, CUT), way("middle", 30, RIGHT, WRONG));
    Chosen chosen = choice.choose(ways, problems(120), Progress.NONE);
    assertEquals(List.of(3, 2), List.of(chosen.heats().get(1).size(), chosen.heats().get(2).size()));
    assertEquals(List.of("late", "middle", "early"), names(chosen).get(1));
    assertEquals(List.of("late", "middle"), names(chosen).get(2));
    assertEquals("late", chosen.best().way().name());
    assertEquals(200, chosen.best().right());
    assertEquals(60, chosen.heats().get(2).get(1).right(), "draws of the heats before count");
    assertEquals(2 * (5 * 12 + 3 * 36 + 2 * 52), policy.generated(), "no problem is drawn twice in one way");
    assertTrue(chosen.best().works());
    List<String> table = chosen.table();
    assertEquals(1 + 5 + 3 + 2, table.size());
    assertTrue(table.get(9).matches("  late +100 +200 of 200 \\(100 %\\) +100 % +22"), table.get(9));
  }

  @Test
  void fewerTokensWinAmongEquals() throws InterruptedException {
    Chosen chosen = choice.choose(List.of(way("long", 9, "so it is\n" + RIGHT, WRONG), way("short", 9, RIGHT, WRONG)),
        problems(20), Progress.NONE);
    assertEquals("short", chosen.best().way().name());
    assertEquals(40, chosen.best().draws().size(), "there are no more problems");
  }

  @Test
  void aModelThatIsHardlyEverRightIsSaidNotToWork() throws InterruptedException {
    assertTrue(choice.choose(List.of(way("some", 2, RIGHT, WRONG)), problems(100), Progress.NONE).best().works(),
        "2 %");
    assertFalse(choice.choose(List.of(way("none", 1, RIGHT, WRONG)), problems(100), Progress.NONE).best().works(),
        "1 %");
  }

  private static Tried drawn(String... answers) throws InterruptedException {
    ScriptedPolicy policy = new ScriptedPolicy().after("u[Q]a:", answers);
    Way way = new Way("x", Prompts.defaults().with(null, "{question}", null, null, null));
    Probed probed = new AskingChoice(policy, new GradedAnswers(), SamplingSettings.temperature(0.8f, 100), 1)
        .draw(way.prompts(), new Problem("p", "Q", "7"), answers.length);
    return new Tried(way, List.of(probed));
  }

  @Test
  void stepsAndLimitsComeFromWhatAnswersAre() throws InterruptedException {
    Tried lines = drawn(RIGHT, WRONG, "a\nb\nc\nThe answer is 7$", CUT);
    assertEquals("\n", lines.separator());
    assertEquals(8, lines.depth(), "twice the four lines of the longest right one");
    assertEquals(2 * 22, lines.limit(256), "twice what a right one takes");
    assertEquals(40, lines.limit(40), "never more than was tried");
    Tried paragraphs = drawn("a\nb\n\nThe answer is 7$", "c\n\nThe answer is 8$", WRONG);
    assertEquals("\n\n", paragraphs.separator());
    assertEquals(4, paragraphs.depth());
    assertEquals(256, drawn(WRONG, CUT).limit(256), "nothing is known of right ones");
  }

  @Test
  void examplesAreAWayWhereThereAreSome() {
    Prompts usual = Prompts.defaults();
    assertEquals(List.of("usual", "one line", "the answer is"), ways(usual, Optional.empty()));
    WorkedExamples shown = new WorkedExamples(List.of(new WorkedExamples.Example("1+1?", "It is 2.\n#### 2")));
    List<Way> all = AskingChoice.ways(usual, Optional.of(shown));
    assertEquals("Problem: 1+1?\n\nSolution: It is 2.\n#### 2\n\nProblem: {question}\n\nSolution:",
        all.getLast().prompts().question());
    Prompts bare = usual.with(null, "{question}", null, null, null);
    assertTrue(ways(bare, Optional.empty()).contains("step by step"), "a model with prompts of its own");
  }

  private static List<String> ways(Prompts usual, Optional<WorkedExamples> examples) {
    return new ArrayList<>(AskingChoice.ways(usual, examples).stream().map(Way::name).toList());
  }
}
