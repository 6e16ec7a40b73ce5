package dev.sphere.trainer.evolve;

import dev.sphere.engine.Problem;
import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.eval.Comparison;
import dev.sphere.engine.eval.EvalResult;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The comparison at the end of an evolution, on test problems that nothing was chosen by. Base and evolved model were
 * asked in one way.
 *
 * @param problems the test problems
 * @param model what the adapter belongs on: the base, or what the rounds before made of it; the evolved model itself
 *     where all weights are trained
 * @param adapter of the best round
 * @param base the base's answers
 * @param evolved the answers of the best round's policy
 * @param comparison base against evolved
 * @param usual the base's answers to the first of the problems, asked as is usual for it
 */
public record EndTest(List<Problem> problems, Path model, Optional<Path> adapter, EvalResult base, EvalResult evolved,
    Comparison comparison, Optional<EvalResult> usual) {
  private static final int SHOWN = 3;
  private static final double LEVEL = 0.05;

  /** The gain, what asking alone brought, and some problems that were won and lost. */
  public List<String> lines() {
    Comparison c = comparison;
    List<String> lines = new ArrayList<>();
    lines.add("");
    lines.add(text("On %d test problems, asked once: base %.1f %%, evolved %.1f %%: %+.1f points "
        + "(95 %% interval %+.1f to %+.1f; %d won, %d lost, p = %.1g)%s", c.n(), 100 * c.base(), 100 * c.evolved(),
        100 * c.difference(), 100 * c.interval().low(), 100 * c.interval().high(), c.won(), c.lost(), c.pValue(),
        c.pValue() < LEVEL ? "." : ": not shown to be a gain or a loss."));
    usual.ifPresent(of -> {
      long here = of.scores().keySet().stream().filter(id -> base.scores().get(id) > 0.5).count();
      lines.add(text("What asking alone brought, which is no gain: of the first %d test problems the base has %d right "
          + "asked in its usual way, and %d asked as here.", of.n(), of.correct(), here));
    });
    lines.addAll(changed("Now solved:", evolved, base));
    lines.addAll(changed("Lost:", base, evolved));
    return lines;
  }

  /** Some problems that one has right and the other has not, with both answers of the base and the evolved model. */
  private List<String> changed(String title, EvalResult right, EvalResult wrong) {
    List<String> lines = new ArrayList<>();
    Map<String, String> before = texts(base);
    Map<String, String> after = texts(evolved);
    problems.stream().filter(p -> right.scores().get(p.id()) > 0.5 && wrong.scores().get(p.id()) <= 0.5).limit(SHOWN)
        .forEach(p -> {
      lines.add("  " + line(p.question()) + " (" + p.answer() + ")");
      lines.add("    before: " + line(before.get(p.id())));
      lines.add("    now:    " + line(after.get(p.id())));
    });
    lines.addFirst(title + (lines.isEmpty() ? " none" : ""));
    return lines;
  }

  private static Map<String, String> texts(EvalResult of) {
    Map<String, String> texts = new HashMap<>();
    of.answers().forEach((Answered a) -> texts.putIfAbsent(a.problemId(), a.text()));
    return texts;
  }

  /** A text as one short line. */
  static String line(String text) {
    String one = text.strip().replaceAll("\\s+", " ");
    return one.length() <= 100 ? one : one.substring(0, 97) + "...";
  }

  /** The figures by name. */
  Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>(comparison.toMap());
    m.put("base", base.toMap());
    m.put("evolved", evolved.toMap());
    usual.ifPresent(of -> m.put("base_asked_as_usual", of.toMap()));
    m.put("model", model.toString());
    adapter.ifPresent(file -> m.put("adapter", file.toString()));
    return m;
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
