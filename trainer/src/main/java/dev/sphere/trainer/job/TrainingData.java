package dev.sphere.trainer.job;

import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.store.PairFlags;
import dev.sphere.engine.store.RunReader;
import dev.sphere.engine.store.StoreException;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.ExampleEncoder;
import dev.sphere.trainer.data.RowReader;
import dev.sphere.trainer.data.RowReader.ImitationRow;
import dev.sphere.trainer.data.RowReport;
import dev.sphere.trainer.data.RunTrees;
import dev.sphere.trainer.data.StepEncoder;
import dev.sphere.trainer.data.TextEncoder;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.loop.Objective;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.Trainer;
import dev.sphere.trainer.loop.TrainingResult;
import dev.sphere.trainer.objective.DpoObjective;
import dev.sphere.trainer.objective.SftObjective;
import dev.sphere.trainer.objective.StepObjective;
import dev.sphere.trainer.output.Sample;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * A task's examples and objective.
 *
 * @param examples to train on
 * @param heldOut to measure; may be empty
 * @param samples a few rows as text
 * @param labels of a process reward model; null for other tasks
 * @param template renders dialogues; empty for the model's own
 * @param objective the objective for an opened model
 */
record TrainingData<E extends Example>(
    List<E> examples, List<E> heldOut, RowReport report, List<Sample> samples, StepEncoder.Labels labels,
    String template, Function<TrainableModel, Objective<E>> objective) {
  private static final int SAMPLES = 6;

  /** Reads and tokenizes the rows of a task. */
  static TrainingData<?> of(TrainJob job, TrainTask task, GgufFile base) {
    try (Model model = Model.loadVocabulary(job.model())) {
      Loader loader = new Loader(job, task, base);
      ChatTemplate template = ChatTemplate.of(model, loader.template);
      TextEncoder encoder = TextEncoder.of(model.vocabulary(), messages -> template.prompt(messages, true));
      return loader.load(task, encoder, model.vocabulary());
    }
  }

  /** The objective on other rows, with none held out. */
  TrainingData<E> with(List<E> rows) {
    return new TrainingData<>(rows, List.of(), report, samples, labels, template, objective);
  }

  /** Trains the model in place. */
  TrainingResult train(TrainableModel model, TrainSettings settings, RunOptions options) {
    return new Trainer<>(objective.apply(model), examples, settings, options).run();
  }

  /** Makes examples of the held-out file's rows; of the training rows where {@code heldOut} is null. */
  private interface Source<T extends Example> {
    List<T> read(Path heldOut, RowReport report);
  }

  private static final class Loader {
    private final TrainJob job;
    private final GgufFile base;
    private final RowReport report;
    private final String template;

    Loader(TrainJob job, TrainTask task, GgufFile base) {
      this.job = job;
      this.base = base;
      this.template = template(job, task);
      this.report = new RowReport(task.source(), job.onBadRow());
    }

    /** The job's template, else that of the rows' search run; empty for the model's own. */
    private static String template(TrainJob job, TrainTask task) {
      Path run = switch (task) {
        case TrainTask.ImitateRun t -> t.run();
        case TrainTask.PreferSiblings t -> t.run();
        case TrainTask.Judge t -> Files.isDirectory(t.data()) ? t.data() : null;
        case TrainTask.Prefer t -> t.data().endsWith("pairs.jsonl") ? t.data().toAbsolutePath().getParent() : null;
        default -> null;
      };
      if (job.template() != null || run == null) {
        return job.template() == null ? "" : job.template();
      }
      try {
        return RunReader.read(run).prompts().template();
      } catch (StoreException.Refused e) {
        return ""; // another folder with a file of that name
      }
    }

    TrainingData<?> load(TrainTask task, TextEncoder encoder, Vocabulary vocabulary) {
      int length = job.length(base);
      return switch (task) {
        case TrainTask.Imitate t -> examples(vocabulary, null, SftObjective::new, (held, r) -> new ExampleEncoder(
            encoder, length, r).imitations(new RowReader(encoder, r).imitations(held == null ? t.data() : held)));
        case TrainTask.ImitateRun t -> examples(vocabulary, null, SftObjective::new, (held, r) -> new ExampleEncoder(
            encoder, length, r).imitations(
                held == null ? solutions(t, encoder) : new RowReader(encoder, r).imitations(held)));
        case TrainTask.Prefer t -> examples(vocabulary, null, m -> new DpoObjective(m, t.loss()), (held, r) ->
            pairs(encoder, length, r)
                .preferences(held != null ? new RowReader(encoder, r).preferences(held)
                    : kept(t, new RowReader(encoder, r).preferences(t.data()), r)));
        case TrainTask.PreferPairs t -> examples(vocabulary, null, m -> new DpoObjective(m, t.loss()), (held, r) ->
            pairs(encoder, length, r)
                .preferences(held == null ? t.pairs() : new RowReader(encoder, r).preferences(held)));
        case TrainTask.PreferSiblings t -> examples(vocabulary, null, m -> new DpoObjective(m, t.loss()), (held, r) -> {
          RunTrees trees = new RunTrees(RunReader.read(held == null ? t.run() : held));
          return new StepEncoder(encoder, length, r, isMine(trees)).siblings(trees.siblings(t.margin()));
        });
        case TrainTask.Judge t -> {
          StepEncoder.Labels labels = t.form().labels(vocabulary);
          yield examples(vocabulary, labels, StepObjective::new,
              (held, r) -> judged(t, held == null ? t.data() : held, encoder, labels, r));
        }
      };
    }

    /** Leaves out the pairs that a reader has flagged, if the task asks for it. */
    private static List<PreferencePair> kept(TrainTask.Prefer task, List<PreferencePair> pairs, RowReport rows) {
      if (!task.dropFlagged()) {
        return pairs;
      }
      List<PreferencePair> kept = PairFlags.unflagged(pairs, PairFlags.read(task.data().toAbsolutePath().getParent()));
      rows.notes("flagged by a reader and left out", pairs.size() - kept.size());
      return kept;
    }

    private ExampleEncoder pairs(TextEncoder encoder, int length, RowReport rows) {
      ExampleEncoder examples = new ExampleEncoder(encoder, length, rows);
      return job.stepsAlone()
          ? examples.withStepPairs(job.stepSeparator())
          : examples.withStepSeparator(job.stepSeparator());
    }

    private List<Example.Step> judged(
        TrainTask.Judge task, Path data, TextEncoder encoder, StepEncoder.Labels labels, RowReport rows) {
      StepEncoder steps = new StepEncoder(encoder, job.length(base), rows, false);
      if (!Files.isDirectory(data)) {
        return steps.rows(new RowReader(encoder, rows).steps(data), labels, task.stepEnd());
      }
      RunTrees trees = new RunTrees(RunReader.read(data));
      rows.notes("steps without a label, their rollouts were stopped early", trees.stoppedEarly(task.labels()));
      return steps.labelled(trees.labelled(task.labels()), labels);
    }

    /** The best right solutions of each problem as rows, weighted by their rewards. */
    private static List<ImitationRow> solutions(TrainTask.ImitateRun task, TextEncoder encoder) {
      List<ImitationRow> rows = new ArrayList<>();
      new RunTrees(RunReader.read(task.run())).rightSolutions().forEach((problem, all) -> {
        List<RunTrees.Solution> best = new ArrayList<>(all);
        best.sort((a, b) -> Double.compare(b.reward(), a.reward()));
        if (task.perProblem() > 0 && best.size() > task.perProblem()) {
          best = best.subList(0, task.perProblem());
        }
        double top = best.getFirst().reward();
        double[] weights = best.stream()
            .mapToDouble(s -> task.temperature() == 0 ? 1 : Math.exp((s.reward() - top) / task.temperature()))
            .toArray();
        double mean = Arrays.stream(weights).sum() / weights.length;
        for (int i = 0; i < weights.length; i++) {
          RunTrees.Solution s = best.get(i);
          rows.add(new ImitationRow(s.id(), encoder.prompt(s.dialogue()),
              MarkedText.content(s.text().stripTrailing()), weights[i] / mean));
        }
      });
      return rows;
    }

    private boolean isMine(RunTrees trees) {
      return base.sha256().equals(trees.modelHash());
    }

    private <T extends Example> TrainingData<T> examples(
        Vocabulary vocabulary, StepEncoder.Labels labels, Function<TrainableModel, Objective<T>> objective,
        Source<T> source) {
      List<T> all = source.read(null, report);
      if (all.isEmpty()) {
        throw new IllegalArgumentException("there is nothing to train on: " + report.summary());
      }
      List<List<T>> parts = job.heldOut().split(all, job.settings().seed());
      List<T> trained = parts.getFirst();
      List<T> held = new ArrayList<>(parts.getLast());
      if (trained.isEmpty()) {
        throw new IllegalArgumentException(
            "everything is held out: there is nothing to train on. Take a smaller share");
      }
      if (job.heldOut().file() != null) {
        held.addAll(source.read(job.heldOut().file(), new RowReport(job.heldOut().file().toString(), job.onBadRow())));
      }
      if (job.heldOut().share() > 0) {
        report.notes("held out", parts.getLast().size());
      }
      return new TrainingData<>(trained, held, report, samples(trained, vocabulary), labels, template, objective);
    }

    /** Rows at equal distances in the data, as text. */
    private static List<Sample> samples(List<? extends Example> examples, Vocabulary vocabulary) {
      List<Sample> samples = new ArrayList<>();
      int n = Math.min(SAMPLES, examples.size());
      for (int i = 0; i < n; i++) {
        Example e = examples.get((int) ((long) i * examples.size() / n));
        TrainingSequence first = e.sequences().getFirst();
        List<String> completions = e.sequences().stream()
            .map(s -> vocabulary.detokenize(Arrays.copyOfRange(s.tokens(), s.promptLength(), s.length())))
            .toList();
        String prompt = vocabulary.detokenize(Arrays.copyOf(first.tokens(), first.promptLength()));
        samples.add(new Sample(
            e.id(), prompt, e instanceof Example.Step s ? List.of("label " + s.label()) : completions));
      }
      return samples;
    }
  }
}
