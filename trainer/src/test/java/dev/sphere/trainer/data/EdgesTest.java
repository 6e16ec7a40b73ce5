package dev.sphere.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.data.Packing.Sharing;
import dev.sphere.trainer.data.RowReport.OnBadRow;
import dev.sphere.trainer.data.RunTrees.LabelSource;
import dev.sphere.trainer.data.RunTrees.Placed;
import dev.sphere.trainer.data.RunTrees.Siblings;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Lengths that just fit and just don't, what is counted, and how pieces are dealt; one token a character. */
class EdgesTest {
  private final RowReport report = new RowReport("rows", OnBadRow.SKIP);

  private static PreferencePair pair(String id, String prompt, String chosen, String rejected) {
    return new PreferencePair(id, "", prompt, chosen, rejected, new int[0], new int[0], new int[0]);
  }

  private static String text(TrainingSequence s) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < s.length(); i++) {
      text.append(i == s.promptLength() ? ">" : "").append((char) s.tokens()[i]);
    }
    return text.toString().replace((char) 1, '^');
  }

  /** What is longer is cut at its end, what just fits is not; a prompt needs room for one token. */
  @Test
  void lengthsAtTheLimit() {
    ExampleEncoder encoder = new ExampleEncoder(new Characters(), 6, report);
    List<Example.Preference> e = encoder.preferences(List.of(pair("p", "ab", "xy", "z"), pair("p", "ab", "xyzw", "z")));
    assertEquals("^ab>xy$", text(e.get(0).chosen()));
    assertEquals("^ab>xyz", text(e.get(1).chosen()));
    assertEquals(Map.of("completions cut to max-length", 1), report.notes());
    assertEquals(1, encoder.preferences(List.of(pair("p", "abcd", "x", "y"))).size(), "one token of each completion");
    assertEquals(0, encoder.preferences(List.of(pair("p", "abcde", "x", "y"))).size());
    assertEquals(2, new ExampleEncoder(new Characters(), 2, report).imitations(
        List.of(row("r", "", "x"), row("s", "", "y"))).size());
    assertThrows(IllegalArgumentException.class, () -> new ExampleEncoder(new Characters(), 1, report));
  }

  private static RowReader.ImitationRow row(String id, String prompt, String completion) {
    return new RowReader.ImitationRow(id, MarkedText.of(prompt), MarkedText.of(completion), 1);
  }

  @Test
  void rowsAreNamedByWhereTheyStand() {
    ExampleEncoder encoder = new ExampleEncoder(new Characters(), 9, report);
    List<Example.Preference> e = encoder.preferences(List.of(pair("line 7", "a", "x", "y"), pair("q", "a", "x", "y")));
    assertEquals(List.of("line 7", "pair 2 (q)"), e.stream().map(Example::id).toList());
    encoder.preferences(List.of(pair("q", "a", " ", "y"), pair("q", "a", "x", "x"), pair("q", "a", "x", "")));
    assertEquals(
        List.of("chosen is empty", "chosen and rejected are the same", "rejected is empty"),
        report.badRows().stream().map(RowReport.BadRow::reason).toList());
    encoder.imitations(List.of(row("r", "p", " "), row("s", "p", "x")));
    assertEquals("the completion is empty", report.badRows().getLast().reason());
    assertEquals(3, report.usedCount());
  }

  /** Drawn tokens are taken when the row has both sides and this prompt; an answer that was cut off gets no end. */
  @Test
  void drawnTokensAtTheirEdges() {
    ExampleEncoder encoder = new ExampleEncoder(new Characters(), 99, report);
    int[] prompt = {1, 'p'};
    int[] none = {};
    assertEquals("^p>x$ ^p>y$", both(encoder, new PreferencePair("a", "", "p", "x", "y", prompt, none, new int[] {9})));
    assertEquals("^p>x$ ^p>y$", both(encoder, new PreferencePair("a", "", "p", "x", "y", prompt, new int[] {9}, none)));
    int[] b = {'b'};
    assertEquals("^p>b$ ^p>c", both(encoder, new PreferencePair("a", "", "p", "x", "y", prompt, b, new int[] {'c'})));
    int[] ended = {'c', '$'};
    assertEquals("^p>b$ ^p>c$", both(encoder, new PreferencePair("a", "", "p", "x", "y", prompt, b, ended)));
    assertEquals("^p>b$ ^p>c$", both(
        encoder, new PreferencePair("a", "", "p", "x", "so \\boxed{2}", prompt, b, new int[] {'c'})));
    int[] onlyEnd = {'$', '$'};
    assertEquals("^p>b$ ^p>$", both(encoder, new PreferencePair("a", "", "p", "x", "y", prompt, b, onlyEnd)));
  }

  private static String both(ExampleEncoder encoder, PreferencePair pair) {
    Example.Preference e = encoder.preferences(List.of(pair)).getFirst();
    return text(e.chosen()) + " " + text(e.rejected());
  }

  private static Placed placed(String text, Generation.Finish finish, Placed... before) {
    int[] tokens = text.toUpperCase(java.util.Locale.ROOT).chars().toArray();
    Generation g = new Generation(tokens, new float[tokens.length], text, finish);
    Candidate c = new Candidate(g, 0, 1, false, false, false, 0.5, 0.5);
    return new Placed("p at " + text, List.of(new Message("user", "q")),
        Arrays.stream(before).map(Placed::step).toList(), c);
  }

  /** Another model's steps are tokenized anew, and end where they ended; this one's are as they were drawn. */
  @Test
  void siblingsOfAnotherModel() {
    Placed first = placed("a/", Generation.Finish.STOP);
    Siblings s = new Siblings(
        placed("b", Generation.Finish.END, first), placed("c/", Generation.Finish.STOP, first));
    Example.Preference other = new StepEncoder(new Characters(), 99, report, false).siblings(List.of(s)).getFirst();
    assertEquals("^u:q|a:a/>b$ ^u:q|a:a/>c/", text(other.chosen()) + " " + text(other.rejected()));
    Example.Preference mine = new StepEncoder(new Characters(), 99, report, true).siblings(List.of(s)).getFirst();
    assertEquals("^u:q|a:A/>B ^u:q|a:A/>C/", text(mine.chosen()) + " " + text(mine.rejected()));
    int longest = other.rejected().length();
    assertEquals(1, new StepEncoder(new Characters(), longest, report, false).siblings(List.of(s)).size(), "just fits");
    assertEquals(2 + 1, report.usedCount());
    assertEquals(0, new StepEncoder(new Characters(), longest - 1, report, false).siblings(List.of(s)).size());
    Siblings same = new Siblings(placed("b", Generation.Finish.STOP), placed("b", Generation.Finish.STOP));
    assertEquals(0, new StepEncoder(new Characters(), 99, report, false).siblings(List.of(same)).size());
    assertEquals(
        List.of("it does not fit into max-length " + (longest - 1), "the two steps have the same tokens, or none"),
        report.badRows().stream().map(RowReport.BadRow::reason).toList());
  }

  @Test
  void labelledStepsAtTheLimit() {
    List<RunTrees.Labelled> steps = List.of(
        new RunTrees.Labelled(placed("ab", Generation.Finish.STOP), 1), new RunTrees.Labelled(placed("ab",
            Generation.Finish.STOP), 1));
    int length = "^u:q|a:ab".length() + 1;
    List<Example.Step> fits =
        new StepEncoder(new Characters(), length, report, false).labelled(steps, StepEncoder.Labels.head(-1));
    assertEquals(2, fits.size());
    assertEquals(1, fits.getFirst().sequences().size());
    assertEquals(Map.of("repeated", 1), report.notes());
    assertEquals(2, report.usedCount());
    assertEquals(
        0, new StepEncoder(new Characters(), length - 1, report, false).labelled(steps,
            StepEncoder.Labels.head(-1)).size());
    assertEquals("it has 9 tokens; max-length is 9", report.badRows().getFirst().reason());
    assertTrue(StepEncoder.Labels.head(-1).isHead() && !new StepEncoder.Labels(0, 1, -1).isHead());
    assertEquals("prm-hard", LabelSource.PRM_HARD.label());
  }

  @Test
  void theReportCounts() {
    RowReport rows = new RowReport("f", OnBadRow.SKIP);
    rows.used();
    rows.notes("held out", 0);
    assertEquals("f: 1 rows", rows.summary());
    rows.notes("held out", 2);
    rows.note("repeated");
    for (int i = 1; i <= 3; i++) {
      rows.bad("line " + i, "why");
    }
    String three = "f: 1 rows, 2 held out, 1 repeated; 3 skipped: line 1 (why), line 2 (why), line 3 (why)";
    assertEquals(three, rows.summary());
    rows.bad("line 4", "why");
    rows.bad("line 5", "why");
    assertEquals(three.replace("3 skipped", "5 skipped") + " and 2 more", rows.summary());
    PackingStats sum = new PackingStats(1, 2, 3, 4, 5).plus(new PackingStats(10, 20, 30, 40, 50));
    assertEquals(new PackingStats(11, 22, 33, 44, 55), sum);
    assertEquals(0.25, sum.padding(), 1e-12);
    assertEquals(0.4, new PackingStats(1, 10, 6, 8, 1).saved(), 1e-12);
    assertEquals(0, PackingStats.NONE.padding() + PackingStats.NONE.saved());
  }

  private static Example row(int tree, int length) {
    int[] tokens = new int[length + 1];
    Arrays.fill(tokens, tree);
    return new Example.Imitation("r" + tree, "t" + tree, new TrainingSequence(tokens, 1));
  }

  private static String shape(List<MicroBatch> packed) {
    return packed.stream().map(m -> m.batch().groups() + "x" + m.batch().slots()).toList().toString();
  }

  private static String packed(Packing packing, int... lengths) {
    List<Example> rows = IntStream.range(0, lengths.length).mapToObj(i -> row(i, lengths[i])).toList();
    return shape(new TreePacker(packing).pack(rows));
  }

  /** Groups are as many as cost least: what is computed, padded, and attention's square on top. */
  @Test
  void piecesAreDealtAtTheLeastCost() {
    Packing wide = new Packing(Sharing.TREE, 100, 100, 1_000_000);
    assertEquals("[4x5]", packed(wide, 5, 5, 5, 5));
    assertEquals("[2x6]", packed(wide, 6, 2, 2, 2), "three short ones beside a long one: 12 slots, not 24");
    assertEquals("[3x7]", packed(wide, 7, 7, 4, 3), "21 slots");
    // One group: 12 (1 + 12/a); two: 2 x 7 (1 + 7/a). Cheap attention joins them, dear attention keeps them apart.
    assertEquals("[1x12]", packed(new Packing(Sharing.TREE, 100, 100, 1000), 7, 5));
    assertEquals("[2x7]", packed(new Packing(Sharing.TREE, 100, 100, 10), 7, 5));
    assertEquals("[2x5, 1x5]", packed(new Packing(Sharing.TREE, 10, 10, 1000), 5, 5, 5), "just as many as are filled");
    assertEquals("[1x5, 1x5, 1x5]", packed(new Packing(Sharing.TREE, 10, 9, 1000), 5, 5, 5));
    assertEquals("[1x30]", packed(new Packing(Sharing.TREE, 10, 10, 1000), 30), "longer ones stand alone");
  }

  /** A tree that is larger than a micro-batch is cut between its examples, where it no longer fits. */
  @Test
  void largeTreesAreCut() {
    List<Example> tree = IntStream.range(0, 4).<Example>mapToObj(i -> new Example.Imitation(
        "r" + i, "t", new TrainingSequence(new int[] {1, 2, 10 + i, 20 + i, 3}, 2))).toList();
    // Two shared slots, and two of each example's own.
    assertEquals("[1x10]", shape(new TreePacker(new Packing(Sharing.TREE, 10, 10, 1000)).pack(tree)));
    assertEquals("[1x8, 1x4]", shape(new TreePacker(new Packing(Sharing.TREE, 9, 9, 1000)).pack(tree)));
    assertEquals("[1x6, 1x6]", shape(new TreePacker(new Packing(Sharing.TREE, 6, 6, 1000)).pack(tree)));
    assertEquals("[1x4, 1x4, 1x4, 1x4]", shape(new TreePacker(new Packing(Sharing.TREE, 1, 1, 1000)).pack(tree)));
  }

  @Test
  void settingsAtTheirEdges() {
    assertEquals(
        "{sharing=pair, micro_batch_tokens=9, fill_tokens=5, attention_tokens=1}",
        SettingsTree.resultValues(new Packing(Sharing.PAIR, 9, 5, 1)).toString());
    assertEquals(9, new Packing(Sharing.PAIR, 9, 5, 1).withFillTokens(99).fillTokens());
    assertEquals(1, new Packing(Sharing.PAIR, 1, 1, 1).fillTokens());
    TrainingSequence s = new TrainingSequence(new int[] {1, 2}, 1);
    assertEquals(s, TrainingSequence.of(new int[] {1}, new int[] {2}));
    assertNotEquals(s, new TrainingSequence(new int[] {1, 2, 3}, 1));
    assertNotEquals(new TrainingSequence(new int[] {1, 2, 3}, 1), new TrainingSequence(new int[] {1, 2, 3}, 2));
    MicroBatch m = new TreePacker(Packing.defaults()).pack(List.of(row(3, 3))).getFirst();
    assertArrayEquals(new float[] {7, 8, 9}, m.gather(new float[] {7, 8, 9}, 0, 0));
  }
}
