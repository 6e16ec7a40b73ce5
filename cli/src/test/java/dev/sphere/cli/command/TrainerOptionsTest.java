package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import dev.sphere.cli.command.bench.BenchRolloutsCommand;
import dev.sphere.cli.command.bench.BenchTrainCommand;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Every option of the commands that train, measure and run recipes, changed alone, changes in what the command is
 * about to do what it should, and no more. The options are asked of the commands, so that a new one must come with its
 * case. What ends in a file or on the screen is looked at in {@link TrainerFilesTest}.
 */
class TrainerOptionsTest {
  @TempDir
  static Path dir;

  private static final Map<String, Map<String, String>> PLANS = new TreeMap<>();

  @BeforeAll
  static void files() throws IOException {
    Path model = dir.resolve("m.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 1, model);
    Files.writeString(dir.resolve("rows.jsonl"), "{}\n");
    Files.writeString(dir.resolve("other.jsonl"), "{}\n");
    Files.copy(model, dir.resolve("other.gguf"));
    Files.writeString(Files.createDirectories(dir.resolve("run")).resolve("pairs.jsonl"), "{}\n");
  }

  /**
   * An option of a command.
   *
   * @param command with the words that both calls have
   * @param option the words of the second call; DIR is the test's folder
   * @param changes NAME=VALUE of each changed setting
   */
  record Case(String command, String option, List<String> changes) {
    @Override
    public String toString() {
      return command + " [" + option + "]";
    }

    String name() {
      return option.contains(" ") ? option.substring(0, option.indexOf(' ')) : option;
    }

    /** The command's own words. */
    String path() {
      return command.contains(" -") ? command.substring(0, command.indexOf(" -")) : command;
    }
  }

  private static final List<Case> CASES = new ArrayList<>();

  private static void set(String command, String option, String... changes) {
    CASES.add(new Case(command, option, List.of(changes)));
  }

  private static final String DPO = "train dpo --model DIR/m.gguf --out DIR/out --data DIR/rows.jsonl";
  private static final String SFT = "train sft --model DIR/m.gguf --out DIR/out --data DIR/rows.jsonl";
  private static final String RIGHT = "train sft --model DIR/m.gguf --out DIR/out --run DIR/run";
  private static final String PRM = "train prm --model DIR/m.gguf --out DIR/out --data DIR/rows.jsonl";

  static {
    for (String c : List.of(DPO, SFT, PRM)) {
      shared(c);
    }
    set(DPO, "--pairs DIR/other.jsonl", "task.data=DIR/other.jsonl");
    set(DPO, "--loss ipo", "task.loss.losses=[IPO]");
    set(DPO, "--loss sigmoid,sft", "task.loss.losses=[SIGMOID, SFT]", "task.loss.weights=[1.0, 1.0]");
    set(DPO + " --loss ipo", "--loss sft", "task.loss.losses=[IPO, SFT]", "task.loss.weights=[1.0, 1.0]");
    set(DPO, "--loss-weights 0.5", "task.loss.weights=[0.5]");
    set(DPO, "--beta 0.7", "task.loss.beta=0.7");
    set(DPO, "--label-smoothing 0.25", "task.loss.labelSmoothing=0.25");
    set(DPO, "--f-divergence forward_kl", "task.loss.divergence=FORWARD_KL");
    set(DPO + " --f-divergence alpha", "--f-alpha 0.75", "task.loss.alpha=0.75");
    set(DPO, "--f-divergence alpha_divergence", "task.loss.divergence=ALPHA");
    set(DPO, "--ld-alpha 0.25", "task.loss.ldAlpha=0.25");
    set(DPO + " --loss discopop", "--discopop-tau 0.5", "task.loss.discopopTau=0.5");
    set(DPO, "--rejected first_step", "job.stepSeparator=\n\n");
    set(DPO, "--reject-first-step ;\\n", "job.stepSeparator=;\n");
    set(DPO, "--step-pairs ;\\n", "job.stepSeparator=;\n", "job.stepsAlone=true");
    set("train dpo --model DIR/m.gguf --out DIR/out --run DIR/run", "--siblings",
        "task=PreferSiblings", "task.data=gone", "task.dropFlagged=gone", "task.run=DIR/run", "task.margin=0.0");
    set("train dpo --model DIR/m.gguf --out DIR/out --run DIR/run --siblings", "--sibling-margin 0.25",
        "task.margin=0.25");
    set("train dpo --model DIR/m.gguf --out DIR/out --run DIR/run", "--drop-flagged", "task.dropFlagged=true");
    set(DPO, "--wpo", "task.loss.wpo=true");
    set(DPO, "--ref-sync-steps 9",
        "task.loss.sync=Sync", "task.loss.sync.alpha=0.6", "task.loss.sync.steps=9");
    set(DPO + " --ref-sync-steps 9", "--ref-sync-alpha 0.25", "task.loss.sync.alpha=0.25");
    set(DPO, "--reference-free", "task.loss.referenceFree=true");

    set("train sft --model DIR/m.gguf --out DIR/out", "--data DIR/other.jsonl", "task.data=DIR/other.jsonl");
    set(RIGHT, "--per-problem 7", "task.perProblem=7");
    set(RIGHT, "--reward-temperature 0.5", "task.temperature=0.5");

    set(PRM, "--data DIR/other.jsonl", "task.data=DIR/other.jsonl");
    set(PRM, "--labels prm-hard", "task.labels=PRM_HARD");
    set(PRM, "--labels tree", "task.labels=TREE");
    set(PRM, "--form head", "task.form.form=HEAD", "task.form.good=null", "task.form.bad=null");
    set(PRM, "--good-token y", "task.form.good=y");
    set(PRM, "--bad-token n", "task.form.bad=n");
    set(PRM, "--separator-token #", "task.form.separator=#");
    set(PRM + " --form head", "--separator-token #", "task.form.separator=#");
    set(PRM, "--step-end ;\\n", "task.stepEnd=;\n");

    String rollouts = "bench rollouts --model DIR/m.gguf";
    set(rollouts, "--activations int8", "precision.activations=INT8");
    set(rollouts, "--prompt 7", "plan0.prompt=7");
    set(rollouts, "--shared 3", "plan0.shared=3");
    set(rollouts, "--generate 5", "plan0.generate=5");
    set(rollouts, "--parallel 4", "plan0.parallel=4");
    set(rollouts, "--repetitions 2", "plan0.repetitions=2");
    String train = "bench train --model DIR/m.gguf";
    set("bench train", "--model DIR/other.gguf", "plan0.model=DIR/other.gguf");
    set(train, "--data DIR/rows.jsonl", "plan0.pairsFile=DIR/rows.jsonl");
    set(train, "--pairs 3", "plan0.pairs=3");
    set(train, "--length 99", "plan0.length=99");
    set(train, "--prompt 7", "plan0.prompt=7");
    set(train, "--steps 2", "plan0.steps=2");
    set(train, "--lora-rank 5", "plan0.rank=5");
    set(train, "--sharing pair", "plan0.sharing=PAIR");
    set(train, "--products f32", "plan0.products=F32");
    set(train, "--activation-mib 9", "plan0.activationMib=9");
    set(train, "--threads 77", "plan0.threads=77");

    set("demo --run DIR/else", "--quick", "recipe.name=demo-quick", "recipe.reading.limit=2000", "recipe.validate=null",
        "recipe.validate.limit=gone", "recipe.validate.problems=gone");
    set("demo --run DIR/else", "--seed 7", "recipe.seed=7");
    set("demo --run DIR/else", "--run DIR/kept", "directory=DIR/kept");
  }

  private static void shared(String c) {
    set(c.replace(" --model DIR/m.gguf", ""), "--model DIR/other.gguf", "job.model=DIR/other.gguf");
    set(c.replace("--out", "--adapter-out DIR/first.gguf --out"), "--adapter-out DIR/told.gguf",
        "job.artefact=DIR/told.gguf");
    set(c.replace(" --out DIR/out", "") + " --adapter-out DIR/first.gguf", "--out DIR/told", "job.output=DIR/told");
    set(c, "--method full", "job.tuning.method=FULL", "job.tuning.rank=0", "job.tuning.alpha=0.0", "job.tuning.targets=[]");
    set(c, "--lora-rank 5", "job.tuning.rank=5", "job.tuning.alpha=10.0");
    set(c, "--lora-alpha 9", "job.tuning.alpha=9.0");
    set(c, "--lora-targets attn_q,ffn_up", "job.tuning.targets=[attn_q, ffn_up]");
    set(c, "--rslora", "job.tuning.rankStabilised=true");
    set(c, "--dora", "job.tuning.magnitudes=true");
    set(c, "--optimizer sgd", "job.settings.optimizer.kind=SGD");
    set(c, "--learning-rate 0.25", "job.settings.optimizer.learningRate=0.25");
    set(c, "--schedule wsd", "job.settings.schedule.kind=WSD");
    set(c, "--warmup 0.25", "job.settings.schedule.warmup=0.25");
    set(c, "--warmup 7", "job.settings.schedule.warmup=7.0");
    set(c, "--weight-decay 0.25", "job.settings.optimizer.weightDecay=0.25");
    set(c, "--beta1 0.75", "job.settings.optimizer.beta1=0.75");
    set(c, "--beta2 0.75", "job.settings.optimizer.beta2=0.75");
    set(c, "--adam-epsilon 0.25", "job.settings.optimizer.epsilon=0.25");
    set(c + " --optimizer sgd", "--momentum 0.75", "job.settings.optimizer.momentum=0.75");
    set(c, "--max-grad-norm 0.25", "job.settings.optimizer.maxGradNorm=0.25");
    set(c, "--epochs 3", "job.settings.epochs=3");
    set(c, "--steps 9", "job.settings.maxSteps=9");
    set(c, "--batch-pairs 5", "job.settings.batchSize=5");
    set(c, "--micro-batch-tokens 99", "job.settings.packing.microBatchTokens=99", "job.settings.packing.fillTokens=99");
    set(c, "--activation-mib 3", "job.activationBytes=" + (3 << 20));
    set(c, "--max-length 99", "job.maxLength=99");
    set(c, "--activations int8", "job.precision.activations=INT8");
    set(c, "--precision f32", "job.precision.activations=F32");
    set(c, "--chat-template plain", "job.template=PLAIN");
    set(c, "--sharing none", "job.settings.packing.sharing=NONE");
    set(c, "--order given", "job.settings.order=GIVEN");
    set(c, "--seed 7", "job.settings.seed=7");
    set(c, "--type q8_0", "job.type=Q8_0");
    set(c, "--save-every 7", "job.settings.saveEvery=7");
    set(c, "--keep-last 7", "job.settings.keepLast=7");
    set(c, "--log-every 7", "job.settings.logEvery=7");
    set(c, "--eval-data DIR/other.jsonl", "job.heldOut.file=DIR/other.jsonl");
    set(c, "--eval-share 0.25", "job.heldOut.share=0.25");
    set(c + " --eval-share 0.5", "--eval-every 7", "job.heldOut.every=7");
    set(c, "--resume", "job.resume=true");
    set(c, "--bad-rows refuse", "job.onBadRow=REFUSE");
    set(c, "--threads 77", "job.settings.threads=77");
  }

  static List<Case> cases() {
    return CASES;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void changedAloneItChangesWhatItShould(Case c) throws Exception {
    Map<String, String> after = plan(c.command + " " + c.option);
    Map<String, String> expected = new TreeMap<>();
    for (String change : c.changes) {
      String[] parts = change.split("=", 2);
      String value = parts[1].equals("PLAIN") ? dev.sphere.engine.prompt.ChatTemplate.PLAIN.source() : parts[1];
      expected.put(parts[0], value.replace("DIR", dir.toString()));
    }
    Map<String, String> changes = new TreeMap<>();
    // An option that must be given has no call without it: another value then.
    Map<String, String> before = PLANS.get(without(c));
    if (before == null) {
      before = plan(without(c));
      PLANS.put(without(c), before);
    }
    Map<String, String> usual = before;
    after.forEach((name, value) -> {
      if (!value.equals(usual.get(name))) {
        changes.put(name, value);
      }
    });
    usual.keySet().stream().filter(name -> !after.containsKey(name)).forEach(name -> changes.put(name, "gone"));
    assertEquals(expected, changes);
  }

  private static String without(Case c) {
    return switch (c.name()) {
      case "--model" -> c.command + " --model DIR/m.gguf";
      case "--data" -> c.command.contains("--data") || c.path().equals("bench train")
          ? c.command : c.command + " --data DIR/rows.jsonl";
      default -> c.command;
    };
  }

  /** What the command is about to do, by the names of its settings. */
  private static Map<String, String> plan(String words) throws Exception {
    CommandLine line = new CommandLine(new Main());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setOverwrittenOptionsAllowed(true);
    List<String> args = new ArrayList<>();
    for (String word : words.split(" ")) {
      args.add(word.replace("DIR", dir.toString()));
    }
    CommandLine.ParseResult parsed = line.parseArgs(args.toArray(String[]::new));
    while (parsed.hasSubcommand()) {
      parsed = parsed.subcommand();
    }
    Map<String, String> all = new TreeMap<>();
    switch (parsed.commandSpec().userObject()) {
      case TrainDpoCommand c -> {
        flat("job", c.job(), all);
        flat("task", c.task(), all);
      }
      case TrainSftCommand c -> {
        flat("job", c.job(), all);
        flat("task", c.task(), all);
      }
      case TrainPrmCommand c -> {
        flat("job", c.job(), all);
        flat("task", c.task(), all);
      }
      case BenchRolloutsCommand c -> {
        flat("precision", c.precision(), all);
        List<? extends Record> plans = c.plans();
        for (int i = 0; i < plans.size(); i++) {
          flat("plan" + i, plans.get(i), all);
        }
      }
      case BenchTrainCommand c -> flat("plan0", c.plan(), all);
      case DemoCommand c -> {
        flat("recipe", c.recipe(), all);
        all.put("directory", c.directory().toString());
      }
      default -> throw new AssertionError(parsed.commandSpec().userObject());
    }
    return all;
  }

  private static void flat(String name, Object value, Map<String, String> all) throws ReflectiveOperationException {
    if (!(value instanceof Record)) {
      all.put(name, String.valueOf(value instanceof Set<?> s ? new TreeSet<>(s) : value));
      return;
    }
    all.put(name, value.getClass().getSimpleName());
    for (RecordComponent c : value.getClass().getRecordComponents()) {
      c.getAccessor().setAccessible(true);
      flat(name + "." + c.getName(), c.getAccessor().invoke(value), all);
    }
  }

  @Test
  void everyOptionHasACase() {
    Map<String, Set<String>> there = new LinkedHashMap<>();
    for (String command : List.of("train dpo", "train sft", "train prm", "bench rollouts", "bench train", "demo", "evolve", "model random", "model merge", "model adapter",
        "model info", "run merge", "eval merge", "pages", "doctor")) {
      CommandLine line = new CommandLine(new Main());
      for (String word : command.split(" ")) {
        line = line.getSubcommands().get(word);
      }
      Set<String> names = line.getCommandSpec().options().stream().map(OptionSpec::longestName)
          .filter(o -> !o.startsWith("--help") && !o.equals("--version")).collect(Collectors.toCollection(TreeSet::new));
      line.getCommandSpec().positionalParameters().forEach(p -> names.add(p.paramLabel()));
      there.put(command, names);
    }
    Map<String, Set<String>> tested = new LinkedHashMap<>();
    there.keySet().forEach(c -> tested.put(c, new TreeSet<>(TrainerFilesTest.OPTIONS.getOrDefault(c, Set.of()))));
    // EvolveCommandTest begins runs without a recipe
    tested.get("evolve").addAll(List.of("--model", "--problems", "--validation", "--test", "--time", "--seed"));
    CommandLine main = new CommandLine(new Main());
    for (Case c : CASES) {
      CommandLine line = main;
      for (String word : c.path().split(" ")) {
        line = line.getSubcommands().get(word);
      }
      OptionSpec option = line.getCommandSpec().findOption(c.name());
      assertTrue(option != null, c.toString());
      tested.get(c.path()).add(option.longestName());
    }
    assertEquals(there, tested);
  }
}
