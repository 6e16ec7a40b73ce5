package dev.sphere.cli.progress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Generation;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.eval.Comparison;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.eval.Evaluator;
import dev.sphere.engine.probe.ProbeReport;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.run.Search;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.RunReport;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.trainer.evolve.EvolveReport;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class EvolveProgressTest {
  private final StringWriter out = new StringWriter();
  private final EvolveProgress progress = new EvolveProgress(new PrintWriter(out), new PrintWriter(new StringWriter()));

  private static EvalResult result(int right, int all) {
    List<Answered> answers = new ArrayList<>();
    for (int i = 0; i < all; i++) {
      answers.add(new Answered("p" + i, "1", Answered.GREEDY, "\\boxed{" + (i < right ? 1 : 2) + "}", "", i < right, "", 3, false));
    }
    return Evaluator.regrade(answers);
  }

  private static EvolveReport.Round round(int n, EvalResult base, EvalResult before, EvalResult now) {
    return new EvolveReport.Round(n, RunReport.of(List.of(), null), 0, 0, null, 1, Map.of(), 0, Path.of("m.gguf"), now, null,
        Comparison.of(base, now, 1), Comparison.of(before, now, 1));
  }

  @Test
  void aLaterRoundAlsoSaysWhatItAddedItself() {
    progress.round(round(1, result(10, 40), result(10, 40), result(20, 40)));
    assertEquals(1, out.toString().lines().count(), out.toString());
    progress.round(round(2, result(10, 40), result(20, 40), result(32, 40)));
    List<String> lines = out.toString().lines().toList();
    assertTrue(lines.get(0).startsWith("Round 1: base 25.0 %, evolved 50.0 %: +25.0 points"), lines.get(0));
    assertTrue(lines.get(1).startsWith("Round 2: base 25.0 %, evolved 80.0 %: +55.0 points"), lines.get(1));
    assertTrue(lines.get(2).startsWith("  of these since round 1: +30.0 points"), lines.get(2));
    assertTrue(lines.get(2).contains("; 12 won, 0 lost, p = 0.0005"), lines.get(2));
  }

  private static PreferencePair pair(String chosen, String rejected) {
    return pair("generation", chosen, rejected);
  }

  private static PreferencePair pair(String source, String chosen, String rejected) {
    int[] none = {};
    return new PreferencePair("p", source, "<|user|>Q<|end|>", chosen, rejected, none, none, none);
  }

  /** The pair that is shown has a common beginning, and then a part that differs. */
  @Test
  void aPairIsShownThatPartsInTheMiddle() {
    List<PreferencePair> pairs = List.of(pair("at once", "else"), pair("begins alike, goes on so", "begins alike, but not on"),
        pair("the same to the very end", "the same to the very eve"));
    ProblemResult result = new ProblemResult("p", List.of(new StageResult("p", Stage.GENERATION, pairs, null, List.of())));
    progress.found(1, new Search.Outcome(RunReport.of(List.of(result), null), pairs, 9, 1, Optional.empty()), pairs);
    String said = out.toString();
    assertTrue(said.contains("begins alike, goes on so"), said);
    assertFalse(said.contains("at once") || said.contains("very end"), said);
    assertTrue(said.startsWith("Pairs: 3 from self-generation."), "nothing of stages that made none: " + said);
  }

  /** What the probe drew is no work of the search. */
  @Test
  void thePairsOfTheProbeAreCountedApart() {
    List<PreferencePair> pairs = List.of(pair("a", "b"), pair("probe", "c", "d"), pair("probe", "e", "f"));
    ProblemResult result = new ProblemResult("p",
        List.of(new StageResult("p", Stage.GENERATION, pairs, null, List.of())));
    Probed probed = new Probed("p",
        List.of(new Probed.Draw("c", new int[1], Generation.Finish.END, true, true, 1, false)));
    ProbeReport probe = ProbeReport.of(ProbeSettings.of(1), List.of(probed),
        ProbeSettings.of(1).select(List.of(probed), 1));
    RunReport report = RunReport.of(List.of(result), probe);
    progress.found(1, new Search.Outcome(report, pairs, 9, 1, Optional.empty()), pairs);
    assertTrue(out.toString().contains("Pairs: 1 from self-generation, 2 from the probe's draws."), out.toString());
  }
}
