package dev.sphere.engine.stage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.Generation;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.cost.Estimate;
import dev.sphere.engine.cost.Range;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.search.Expansion;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What a search says of what it will cost, by a clock that the test winds. */
class SearchTallyTest {
  private static final int[] NONE = {};
  private final List<String> notes = new ArrayList<>();
  private final List<String> words = new ArrayList<>();
  private Range left;
  private long now;
  private long live;

  private final Progress heard = new Progress() {
    @Override
    public void at(int done, Supplier<String> detail, Supplier<Range> range) {
      words.add(detail.get());
      left = range.get();
    }

    @Override
    public void note(String line) {
      notes.add(line);
    }
  };

  private SearchTally tally(int problems, int parallel) {
    return new SearchTally(IntStream.range(0, problems).mapToObj(i -> new Problem("p" + i, "q", "7")).toList(), parallel, 0,
        () -> live, heard, () -> now);
  }

  private void seconds(double seconds) {
    now = (long) (seconds * 1e9);
  }

  private static long key(int problem) {
    return SplitMix.hash("p" + problem);
  }

  private static ProblemResult result(int problem, int pairs) {
    List<PreferencePair> all = IntStream.range(0, pairs)
        .mapToObj(i -> new PreferencePair("p" + problem, "generation", "q", "a" + i, "b", NONE, NONE, NONE)).toList();
    return new ProblemResult("p" + problem, List.of(
        new StageResult("p" + problem, Stage.GENERATION, all, pairs == 0 ? Reason.BOTH_RIGHT : null, List.of()),
        StageResult.without("p" + problem, Stage.CORRECTION, Reason.NOT_APPLICABLE),
        StageResult.without("p" + problem, Stage.DIVERSITY, Reason.DISABLED)));
  }

  /** Takes a problem from its beginning to its end. */
  private static void solve(SearchTally tally, RunLog log, int problem, long tokens, int pairs) {
    log.findProblem("p" + problem);
    tally.generated(key(problem), tokens);
    ProblemResult result = result(problem, pairs);
    result.stages().forEach(log::append);
    tally.ended(result);
  }

  @Test
  void beforeAnythingIsDoneTheWholeIsSaidWithinAMinute() {
    SearchTally tally = tally(12, 4);
    RunLog log = tally.watch(new MemoryLog());
    for (int i = 0; i < 4; i++) {
      log.findProblem("p" + i);
    }
    for (int t = 1; t < 55; t++) {
      seconds(t);
      live = 40L * t; // in calls that have not returned yet
      tally.rewarded(0);
      tally.generated(-1, 0);
    }
    assertEquals(List.of(), notes, "not before there is something to go by");
    assertTrue(words.getLast().startsWith("pairs 0+0+0, 4 in generation, 40 tokens/s"), words.getLast());
    Range early = left;
    seconds(55);
    live = 2200;
    tally.generated(key(0), 500);
    assertEquals(1, notes.size());
    assertTrue(notes.getFirst().startsWith("the whole search: ") && notes.getFirst().contains(" tokens, ")
        && notes.getFirst().contains(" pairs to expect (nine times in ten; after 55 s, 0 of 12 problems and 2,200 tokens)"),
        notes.getFirst());
    for (int i = 0; i < 12; i++) {
      seconds(80 + 20 * i);
      live = 3200 + 800 * i;
      solve(tally, log, i, i == 0 ? 500 : 1000, i % 2);
    }
    assertEquals(1, notes.size(), "said once");
    Estimate e = tally.estimate();
    assertEquals(new Estimate.Truth(12_000, 300, 6), e.truth());
    assertEquals(55, e.after());
    assertTrue(e.tokens().holds(12_000) && e.seconds().holds(300) && e.pairs().holds(6), e.toString());
    assertTrue(early.holds(246), "one second before: " + early);
    assertNull(left, "nothing is left");
  }

  /** With some problems done there is enough to go by after half a minute. */
  @Test
  void withSomeProblemsDoneTheWholeIsSaidAfterHalfAMinute() {
    SearchTally tally = tally(20, 2);
    RunLog log = tally.watch(new MemoryLog());
    for (int i = 0; i < 20; i++) {
      seconds(8 * (i + 1));
      live = 1000 * (i + 1);
      assertEquals(i < 4 ? 0 : 1, notes.size(), "after " + 8 * i + " s");
      solve(tally, log, i, 1000, 1);
    }
    Estimate e = tally.estimate();
    assertEquals(32, e.after());
    assertTrue(e.tokens().holds(20_000) && e.seconds().holds(160) && e.pairs().holds(20), e.toString());
    assertTrue(e.seconds().high() < 400, "four of twenty were done: " + e);
  }

  @Test
  void progressSaysStagesAndTokensAProblem() {
    SearchTally tally = tally(3, 3);
    RunLog log = tally.watch(new MemoryLog());
    seconds(1);
    for (int i = 1; i < 3; i++) {
      log.findProblem("p" + i);
    }
    log.append(result(1, 1).stages().getFirst());
    solve(tally, log, 0, 2000, 2);
    assertEquals("pairs 2+0+0, 1 in generation, 1 in correction, 2,000 tokens a problem, 2000 tokens/s", words.getLast());
  }

  /** A probe knows how long solutions are and how fast they come. */
  @Test
  void afterAProbeTheWholeIsSaidAtOnce() {
    SearchTally tally = new SearchTally(List.of(new Problem("p0", "q", "7"), new Problem("p1", "q", "7")), 2, 1000,
        () -> live, heard, () -> now);
    tally.expect(Double.NaN);
    assertEquals(List.of(), notes, "a probe that drew nothing knows no rate");
    tally.expect(100);
    assertEquals(1, notes.size());
    RunLog log = tally.watch(new MemoryLog());
    for (int i = 0; i < 2; i++) {
      seconds(40 * (i + 1));
      live = 1300 * (i + 1);
      solve(tally, log, i, 1300, 1);
    }
    assertEquals(1, notes.size(), "and not again");
    Estimate e = tally.estimate();
    assertEquals(0, e.after());
    assertTrue(e.tokens().holds(2600) && e.seconds().holds(80) && e.pairs().holds(2), e.toString());
    assertTrue(e.tokens().high() < 40_000, e.toString());
  }

  @Test
  void withoutProblemsNothingIsSaid() {
    SearchTally tally = tally(0, 4);
    seconds(100);
    live = 50;
    tally.generated(7, 50);
    assertEquals(List.of(), notes);
    assertNull(left);
    assertNull(tally.estimate());
    assertEquals("pairs 0+0+0, 0 tokens/s", words.getLast().replace("1 tokens/s", "0 tokens/s"));
  }

  /** What an earlier process began costs a part, and says nothing of what a whole problem costs. */
  @Test
  void ofAResumedRunOnlyTheRestIsCounted() {
    MemoryLog earlier = new MemoryLog();
    result(0, 1).stages().forEach(earlier::append);
    earlier.append(result(0, 1));
    earlier.append(result(1, 0).stages().getFirst());
    SearchTally tally = new SearchTally(IntStream.range(1, 9).mapToObj(i -> new Problem("p" + i, "q", "7")).toList(), 2, 0,
        () -> 0, heard, () -> now);
    RunLog log = tally.watch(earlier);
    log.findProblem("p0");
    tally.ended(result(0, 1));
    log.findProblem("p1");
    log.findStage("p1", Stage.GENERATION);
    seconds(10);
    tally.generated(key(1), 10);
    tally.ended(result(1, 0));
    for (int i = 2; i < 5; i++) {
      seconds(10 * i);
      solve(tally, log, i, 1000, 1);
    }
    assertTrue(words.getLast().contains("1,000 tokens a problem"), "the half one does not count: " + words.getLast());
    Estimate e = tally.estimate();
    assertEquals(4, e.truth().pairs(), "one of the earlier process");
    assertTrue(e.pairs().low() >= 1, e.toString());
    assertTrue(e.tokens().holds(7010), e.toString());
    assertTrue(left.holds(40), "four problems: " + left);
  }

  @Test
  void drawnTokensAreCountedByWhatTheyWereFor() {
    SearchTally tally = tally(2, 2);
    RunLog log = tally.watch(new MemoryLog());
    seconds(1);
    log.findProblem("p0");
    tally.generated(key(0), 30); // three candidates, one of them twice
    tally.generated(key(0), 400);
    tally.rewarded(400);
    Generation g = ScriptedPolicy.generation("123456789\n");
    Candidate c = new Candidate(g, 0, 1, false, false, false, 0, 0);
    log.append(new Expansion("p0", "generation", "", List.of(c, c), 0, 1, 3));
    log.used("p0", 7);
    assertEquals(new SearchRun.Drawn(430, 0, 400, 27), tally.drawn());
  }
}
