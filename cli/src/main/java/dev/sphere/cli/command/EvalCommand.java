package dev.sphere.cli.command;

import dev.sphere.base.HeldFiles;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.ProblemOptions;
import dev.sphere.cli.option.PromptOptions;
import dev.sphere.cli.progress.EvalProgress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.engine.eval.AnswerJournal;
import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.eval.Comparison;
import dev.sphere.engine.eval.EvalIdentity;
import dev.sphere.engine.eval.EvalRecipe;
import dev.sphere.engine.eval.EvalReport;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.eval.EvalSettings;
import dev.sphere.engine.eval.Evaluator;
import dev.sphere.engine.eval.StepScorer;
import dev.sphere.engine.grade.AnswerGrader;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.run.OpenPrm;
import dev.sphere.engine.run.PrmSpec;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere eval}. */
@Command(
    name = "eval",
    description = {
      "Measures a model on problems with known answers.",
      "  sphere eval --model model.gguf --problems test.jsonl",
      "  sphere eval --model model.gguf --recipe recipes/eval-math500.yaml --problems math500.jsonl --html report.html",
      "  sphere eval --model model.gguf --adapter adapter.gguf --problems test.jsonl --baseline base.jsonl",
      "  sphere eval --regrade answers.jsonl --markdown report.md",
      "Greedy pass@1; with --samples also mean@k, pass@k and maj@k of one set of samples. With --out the answers are kept as",
      "they come, and --resume goes on where a broken-off evaluation stood."
    },
    mixinStandardHelpOptions = true)
public final class EvalCommand implements Callable<Integer> {
  @Option(names = "--model", paramLabel = "FILE", description = "Model (GGUF), or embedded, embedded-small.")
  private String model;

  @Option(names = "--adapter", paramLabel = "FILE", description = "LoRA adapter (GGUF) on top of the model.")
  private Path adapter;

  @Option(names = "--recipe", paramLabel = "FILE",
      description = "A benchmark's settings (YAML); flags take the place of what it says.")
  private Path recipeFile;

  @Mixin private ProblemOptions problems;

  @Mixin private PromptOptions prompting;

  @Option(names = "--few-shot", paramLabel = "FILE",
      description = "For base models: worked examples before each question, the first problems of FILE with their solutions.")
  private Path fewShot;

  @Option(names = "--shots", paramLabel = "N", defaultValue = "5",
      description = "How many of them (default: ${DEFAULT-VALUE}).")
  private int shots;

  @Option(names = "--stop", paramLabel = "TEXT",
      description = "A text that ends an answer; repeatable (default with --few-shot: what stands before {question}).")
  private List<String> stop;

  @Option(names = "--samples", paramLabel = "K", description = "Sampled answers a problem (default: 0, greedy alone).")
  private Integer samples;

  @Option(names = "--no-greedy", description = "Leave out the greedy answer; needs --samples.")
  private boolean noGreedy;

  @Option(names = "--temperature", description = "Of the samples (default: 0.8).")
  private Float temperature;

  @Option(names = "--top-p", description = "Of the samples (default: 1).")
  private Float topP;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "Most tokens of an answer (default: 1024; 256 for the embedded family).")
  private Integer maxTokens;

  @Option(names = "--seed", description = "Of the samples (default: 0).")
  private Long seed;

  @Option(
      names = "--parallel",
      paramLabel = "N",
      defaultValue = "0",
      description = "Answers that step together; changes speed alone (default: 0, as many as are efficient).")
  private int parallel;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "Store all answers there (JSON lines), to compare with or to grade again.")
  private Path out;

  @Option(names = "--prm", paramLabel = "KIND",
      description = "Score each answer's steps by this process reward, as in search: adds best-of-N and weighted votes.")
  private String prm;

  @Option(names = "--rollouts", paramLabel = "K", defaultValue = "8",
      description = "Rollouts a step for --prm mc (default: ${DEFAULT-VALUE}).")
  private int rollouts;

  @Option(names = "--resume", description = "Go on with an evaluation into --out that was broken off.")
  private boolean resume;

  @Option(names = "--regrade", paramLabel = "FILE",
      description = "Grade and count stored answers (from --out) again; no model is needed.")
  private Path regrade;

  @Option(
      names = "--baseline",
      paramLabel = "FILE",
      description = "Answers of another model to the same problems (from --out): compare in pairs.")
  private Path baseline;

  @Option(names = "--markdown", paramLabel = "FILE", description = "Write the report there as Markdown.")
  private Path markdown;

  @Option(names = "--html", paramLabel = "FILE", description = "Write the report there as one HTML page with all answers.")
  private Path html;

  @Option(names = "--json", description = "One JSON object on the last line instead of text.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException, IOException {
    for (Path p : new Path[] {adapter, baseline, regrade, recipeFile, fewShot}) {
      if (p != null) {
        Inputs.require(p);
      }
    }
    for (Path p : new Path[] {out, markdown, html}) {
      if (p != null) {
        Inputs.requireWritable(p);
      }
    }
    if ((model == null) == (regrade == null)) {
      throw new IllegalArgumentException("give either --model, to ask it, or --regrade, to grade stored answers again");
    }
    if (resume && out == null) {
      throw new IllegalArgumentException("--resume goes on with what --out began; give --out FILE");
    }
    EvalRecipe recipe = recipeFile == null ? EvalRecipe.NONE : EvalRecipe.read(recipeFile);
    EvalResult base = baseline == null ? null : Evaluator.regrade(AnswerFile.read(baseline));
    Map<String, String> made = new LinkedHashMap<>();
    EvalResult result = regrade != null ? regraded(made) : asked(recipe, made);
    Comparison comparison = base == null ? null : Comparison.of(base, result, or(seed, recipe.seed(), 0L));
    EvalReport report = new EvalReport(recipe.name() == null ? "Evaluation" : recipe.name(), made, result, comparison);
    if (markdown != null) {
      Files.writeString(markdown, report.markdown());
    }
    if (html != null) {
      Files.writeString(html, report.html());
    }
    print(report, result, comparison);
    return 0;
  }

  private EvalResult regraded(Map<String, String> made) {
    made.put("answers", regrade.toString());
    EvalResult result = Evaluator.regrade(AnswerFile.read(regrade));
    if (out != null) {
      AnswerFile.write(out, result.answers());
    }
    return result;
  }

  private EvalResult asked(EvalRecipe recipe, Map<String, String> made) throws InterruptedException {
    PrintWriter err = spec.commandLine().getErr();
    Path file = ModelSource.resolve(model);
    ProblemSet set = problems.read(err, recipe.problems());
    if (recipe.count() != null && recipe.count() != set.problems().size()) {
      err.println("note: " + recipe.name() + " has " + recipe.count() + " problems, these are " + set.problems().size());
      err.flush();
    }
    ModelDefaults manner = ModelDefaults.of(file);
    Prompts prompts = prompting.over(manner.prompts().with(recipe.system(), recipe.question(), null, null,
        recipe.template() == null ? null : ChatTemplate.named(recipe.template())));
    List<String> ends = or(stop, recipe.stop(), List.of());
    if (fewShot != null) {
      String head = WorkedExamples.head(prompts.question());
      ends = ends.isEmpty() && !head.isEmpty() ? List.of(head) : ends;
      prompts = prompts.with(null, WorkedExamples.before(prompts.question(), fewShot, shots), null, null, null);
    }
    EvalSettings settings = new EvalSettings(!noGreedy && or(recipe.greedy(), null, true), or(samples, recipe.samples(), 0),
        new SamplingSettings(or(temperature, recipe.temperature(), 0.8f), 0, or(topP, recipe.topP(), 1f), 0f,
            or(maxTokens, recipe.maxTokens(), manner.solutionTokens())),
        or(seed, recipe.seed(), 0L), 128, ends);
    PrmSpec reward = prm == null ? null : new PrmSpec(prm, new MonteCarloPrm.Settings(
        rollouts, SamplingSettings.temperature(settings.sampling().temperature(), settings.sampling().maxTokens()), false));
    try (HeldFiles files = reward == null ? new HeldFiles(Arrays.asList(file, adapter)) : reward.hold(file, adapter)) {
      made.putAll(EvalIdentity.of(file, adapter, set, prompts, settings));
      if (reward != null) {
        made.put("process reward", prm + (prm.equals("mc") ? ", " + rollouts + " rollouts" : "")
            + (reward.knowsAnswers() ? " (knows the answers: what it selects proves nothing about skill)" : ""));
      }
      try (AnswerJournal journal = out == null ? null : AnswerJournal.open(out, made, settings.answers(), resume)) {
        return answers(file, set, manner, prompts, settings, reward, journal, files);
      }
    }
  }

  private EvalResult answers(Path file, ProblemSet set, ModelDefaults manner, Prompts prompts, EvalSettings settings,
      PrmSpec reward, AnswerJournal journal, HeldFiles files) throws InterruptedException {
    if (journal != null) {
      PrintWriter err = spec.commandLine().getErr();
      journal.findings().forEach(f -> err.println("eval: " + f));
      err.flush();
    }
    Map<String, List<Answered>> known = journal == null ? Map.of() : journal.known();
    EvalResult result;
    try (BatchedPolicy policy = BatchedPolicy.open(file, adapter, prompts.template(), parallel);
        OpenPrm judge = reward == null ? null : reward.open(new AnswerGrader());
        EvalProgress progress = new EvalProgress(set.problems().size() - known.size(), System.err,
            System.console() != null && System.console().isTerminal())) {
      Consumer<List<Answered>> done = journal == null ? progress : progress.andThen(answers -> {
        files.requireUnchanged();
        journal.add(answers);
      });
      StepScorer scorer =
          judge == null ? null : new StepScorer(policy, judge.factory(file).over(policy), manner.separator());
      result = new Evaluator(policy, prompts, scorer).run(set.problems(), settings, known, done);
    }
    files.requireUnchanged();
    if (journal != null) {
      journal.finish(result.answers());
    }
    return result;
  }

  private static <T> T or(T flag, T recipe, T usual) {
    return flag != null ? flag : recipe != null ? recipe : usual;
  }

  private void print(EvalReport report, EvalResult result, Comparison comparison) {
    PrintWriter writer = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> m = new LinkedHashMap<>(result.toMap());
      if (comparison != null) {
        m.put("comparison", comparison.toMap());
      }
      writer.println(JsonMapper.shared().writeValueAsString(m));
    } else {
      writer.print(report.text());
    }
    writer.flush();
  }
}
