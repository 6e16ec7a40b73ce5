package dev.sphere.cli.command;

import dev.sphere.base.HeldFiles;
import dev.sphere.bindings.device.Arithmetic;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.cli.option.Ending;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.JsonRows;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.Workers;
import dev.sphere.engine.data.JsonText;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.Completions;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.run.Cluster;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.run.WorkerPlan;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.store.Journal;
import dev.sphere.engine.store.RecordLines;
import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere generate}. */
@Command(
    name = "generate",
    description = {
      "Completes a prompt, or every prompt of a file.",
      "  ./sphere generate --model embedded \\",
      "      --prompt \"Tom has 3 boxes of 4 pens. How many pens?\"",
      "  ./sphere generate --model M.gguf --in prompts.jsonl \\",
      "      --out completions.jsonl --samples 4 --temperature 0.8",
      "With --out the rows are kept as they come, and --resume goes on where a broken-off call stood."
    },
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class GenerateCommand implements Callable<Integer>, SettingFlags.Command {
  private static final int IN_FLIGHT = 256;
  /** Prompts that an executor is given at once at most. */
  private static final int TOGETHER = 16;
  private static final SettingsTree SETTINGS = SettingsTree.of(Settings.class).withDefault("temperature", "0");

  /**
   * What is generated, and how.
   *
   * @param raw a prompt is the text to go on with; else it is a user's turn, if the model has a chat template
   * @param template the Jinja text in place of the model's own; empty for that
   * @param system the system turn; empty for none
   * @param samples completions of a prompt
   * @param seed of the draws
   * @param sampling how tokens are drawn
   * @param precision how exactly the model computes
   */
  record Settings(
      @Setting(help = "Go on with the prompt as it stands: it is not put into the model's chat template as a user's turn.")
      boolean raw,
      @Setting(name = "chat_template", label = "TEMPLATE", shown = "the model's own", needs = "!raw",
          by = ChatTemplate.Named.class, help = "How the dialogue is rendered: plain, Jinja text, or a file of it.")
      String template,
      @Setting(def = "", label = "TEXT", shown = "none", needs = "!raw", help = "A system turn before it.")
      String system,
      @Setting(def = "1", range = "[1, 10000]", label = "K", help = "Completions of a prompt.")
      int samples,
      @Setting(def = "1", label = "N", help = "Seed of the draws.")
      long seed,
      @Nested
      SamplingSettings sampling,
      @Nested
      Precision precision) {}

  private final SettingFlags flags = new SettingFlags(SETTINGS);

  static final class Source {
    @Option(names = "--prompt", description = "The prompt itself.")
    String prompt;

    @Option(names = "--in", paramLabel = "FILE", description = "JSONL rows {\"id\",\"prompt\"}.")
    Path in;
  }

  @Option(names = "--model", required = true, paramLabel = "MODEL", description = "A GGUF file, or embedded.")
  private String model;

  @Option(names = "--adapter", paramLabel = "FILE", description = "A LoRA adapter in GGUF format.")
  private Path adapter;

  @ArgGroup(multiplicity = "1")
  private Source source;

  @Option(names = "--out", paramLabel = "FILE", description = "With --in: where the rows go (default: stdout).")
  private Path out;

  @Option(names = "--resume", description = "Go on with rows for --out that were broken off.")
  private boolean resume;

  @Option(names = "--spark", paramLabel = "MASTER", description = "Complete the prompts on a Spark cluster: " + OnSpark.HELP)
  private String master;

  @Option(names = "--json", description = "One JSON object about the run as the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  private Settings settings;
  private boolean dialogue; // whether prompts are rendered as a user's turns
  private final Map<String, String> tooLong = new ConcurrentSkipListMap<>(); // by the row's id, with both lengths

  private record Row(String id, String prompt) {
    /** Rows of the same id and prompt have the same completions. */
    String item() {
      return id + "\n" + prompt;
    }
  }

  /** A row of what comes out. */
  record Completed(String id, int sample, String prompt, String completion, int tokens, double logprob, String finish) {
    static Completed of(Row row, int sample, Generation g) {
      return new Completed(row.id, sample, row.prompt, g.text(), g.tokens().length, g.logProb(),
          g.finish().name().toLowerCase(Locale.ROOT));
    }

    /** Names its row; null where something is missing. */
    String item() {
      return id == null || prompt == null || completion == null ? null : new Row(id, prompt).item();
    }
  }

  private static final Journal.Kind<Completed> JOURNAL =
      new Journal.Kind<>(Completed.class, "generation", "completions", Completed::item, Completed::sample);

  @Override
  public SettingFlags flags() {
    return flags;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (master != null && !OnSpark.here()) {
      return OnSpark.submit(master, spec);
    }
    Path file = ModelSource.resolve(model);
    try (HeldFiles _ = new HeldFiles(List.of(file))) { // opened and checked once, from the defaults on
      return call(file);
    }
  }

  private int call(Path file) throws IOException, InterruptedException {
    settings = settings(file);
    if (adapter != null) {
      Inputs.require(adapter);
    }
    if (out != null) {
      Inputs.requireWritable(out);
    }
    if (resume && out == null) {
      throw new IllegalArgumentException("--resume goes on with what --out began; give --out FILE");
    }
    List<Row> rows = rows();
    settings.precision().use();
    long start = System.nanoTime();
    Map<String, List<Completed>> all = new HashMap<>();
    try (HeldFiles files = new HeldFiles(Arrays.asList(file, adapter));
        OnSpark spark = OnSpark.open(master, "generate " + model);
        Journal<Completed> journal = out == null ? null : Journal.open(JOURNAL, out, made(file), settings.samples(), resume)) {
      if (journal != null) {
        journal.findings().forEach(f -> spec.commandLine().getErr().println("generate: " + f));
        spec.commandLine().getErr().flush();
        all.putAll(journal.known());
      }
      complete(file, rows, all, journal, files, spark);
      files.requireUnchanged();
      if (journal != null) {
        journal.finish(target -> {
          for (Row row : rows) {
            target.write(lines(all.get(row.item())).getBytes(StandardCharsets.UTF_8));
          }
        });
      }
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    if (json) {
      long tokens = rows.stream().flatMap(row -> all.get(row.item()).stream()).mapToLong(Completed::tokens).sum();
      Map<String, Object> summary = new LinkedHashMap<>();
      summary.put("prompts", rows.size());
      summary.put("completions", rows.size() * settings.samples());
      summary.put("tokens", tokens);
      summary.put("seconds", seconds);
      if (source.in == null) {
        summary.put("completion", all.get(rows.getFirst().item()).getFirst().completion());
      }
      console().println(JsonMapper.shared().writeValueAsString(summary));
    }
    console().flush();
    Ending.print(spec, "", out);
    return refused(rows, all);
  }

  /** No token was drawn, and that is the limit's doing: the prompt alone fills the model's context. */
  private static boolean isTooLong(Completed completed) {
    return completed.tokens() == 0 && completed.finish().equals("length");
  }

  /** Names the prompts that do not fit; the exit status. */
  private int refused(List<Row> rows, Map<String, List<Completed>> all) {
    List<Row> refused = rows.stream().filter(row -> isTooLong(all.get(row.item()).getFirst())).toList();
    refused.forEach(row -> spec.commandLine().getErr().println("sphere: the prompt "
        + row.id + tooLong.getOrDefault(row.id, " does not fit into the model's context")));
    spec.commandLine().getErr().flush();
    return refused.isEmpty() ? 0 : 1;
  }

  private Settings settings(Path file) {
    Map<String, Object> usual = Map.of("max_tokens", ModelDefaults.of(file).solutionTokens(), "chat_template", "");
    Settings told = SETTINGS.make(Settings.class, flags.told(), usual, Map.of());
    try (GgufFile gguf = GgufFile.open(file)) {
      dialogue = !told.raw() && (!told.template().isEmpty() || !told.system().isEmpty()
          || !gguf.metadata().string("tokenizer.chat_template").orElse("").isBlank());
    }
    return told;
  }

  /** What a process opens to complete prompts for another process that was called by the same command line. */
  static WorkerPlan worker(List<String> arguments) {
    GenerateCommand generate = WorkerCommand.parse(new GenerateCommand(), arguments);
    Path file = ModelSource.resolve(generate.model);
    generate.settings = generate.settings(file);
    return new WorkerPlan(Arrays.asList(file, generate.adapter), () -> {
      generate.settings.precision().use();
      return generate.forWorkers(file);
    }, () -> generate.new Completer(file));
  }

  /** The model, loaded; completes any number of prompts together. */
  private final class Completer implements WorkerPlan.Models {
    private final BatchedPolicy policy;

    Completer(Path file) {
      policy = BatchedPolicy.open(file, adapter, settings.template(), 0);
    }

    List<Completed> complete(Row row) throws InterruptedException {
      int[] prompt = tokens(policy, row);
      if (prompt.length >= policy.maxSequence()) {
        tooLong.put(row.id, " has " + prompt.length + " tokens, the model's context holds " + policy.maxSequence());
      }
      List<Generation> made = Completions.complete(policy, new Completions.Prompt(row.id, prompt), settings.samples(),
          settings.sampling(), StopRule.never(), settings.seed());
      List<Completed> completed = new ArrayList<>();
      for (int k = 0; k < made.size(); k++) {
        completed.add(Completed.of(row, k, made.get(k)));
      }
      return completed;
    }

    @Override
    public byte[] work(byte[] task) throws InterruptedException {
      return RecordLines.of(complete(RecordLines.rows(task, Row.class).getFirst()));
    }

    @Override
    public BatchedPolicy policy() {
      return policy;
    }

    @Override
    public void close() {
      policy.close();
    }
  }

  /** What other machines must agree in. */
  private Map<String, String> forWorkers(Path file) {
    Map<String, String> made = made(file);
    made.remove(Arithmetic.NAME); // theirs is compared with each other's
    made.put("version.llama_cpp", NativeRuntime.status().llamaVersion());
    return made;
  }

  /** What the completions are made from, besides their prompts. */
  private Map<String, String> made(Path file) {
    Map<String, String> made = made(file, adapter, settings.template(), settings.precision());
    made.put("prompts", dialogue ? "user turns" : "plain");
    made.put("system turn", settings.system());
    made.put("samples", String.valueOf(settings.samples()));
    made.put("sampling", settings.sampling().toString());
    made.put("seed", String.valueOf(settings.seed()));
    if (master != null) {
      made.remove(Arithmetic.NAME);
    }
    return made;
  }

  /** What a model says of texts depends on this, and on the texts. */
  static Map<String, String> made(Path file, Path adapter, String template, Precision precision) {
    Map<String, String> made = new LinkedHashMap<>();
    made.put("model", sha256(file));
    made.put("adapter", adapter == null ? "none" : sha256(adapter));
    made.put("template", template == null || template.isEmpty() ? "the model's own" : template);
    made.put(Arithmetic.NAME, Arithmetic.here());
    made.put("activations", precision.identity());
    return made;
  }

  private static String sha256(Path gguf) {
    try (GgufFile model = GgufFile.open(gguf)) {
      return model.sha256();
    }
  }

  /** Completes what is missing. Without a file, each row is printed when it is done and all before it are. */
  private void complete(
      Path file, List<Row> rows, Map<String, List<Completed>> all, Journal<Completed> journal, HeldFiles files,
      OnSpark spark) throws InterruptedException {
    List<Row> missing = rows.stream().filter(row -> !all.containsKey(row.item())).toList();
    if (missing.isEmpty()) {
      return;
    }
    int[] printed = new int[1];
    Consumer<List<Completed>> keep = completed -> {
      files.requireUnchanged();
      all.put(new Row(completed.getFirst().id(), completed.getFirst().prompt()).item(), completed);
      if (journal != null) {
        journal.add(completed);
        return;
      }
      for (; printed[0] < rows.size() && all.containsKey(rows.get(printed[0]).item()); printed[0]++) {
        print(all.get(rows.get(printed[0]).item()));
      }
    };
    Optional<Path> kind = OnSpark.kind(out);
    Optional<Cluster.Remote> remote = spark.remote(spec, kind);
    try (Completer here = remote.isPresent() ? null : new Completer(file)) {
      Workers<Row, List<Completed>> workers = here != null ? Workers.threads(IN_FLIGHT, here::complete)
          : remote.get().workers("generate", forWorkers(file), TOGETHER, row -> RecordLines.of(List.of(row)),
              lines -> RecordLines.rows(lines, Completed.class));
      workers.run(missing, some -> some.forEach(done -> keep.accept(done.value())));
    }
    OnSpark.forget(kind);
  }

  private int[] tokens(BatchedPolicy policy, Row row) {
    if (!dialogue) {
      return policy.tokenize(row.prompt, true);
    }
    List<Message> messages = new ArrayList<>();
    if (!settings.system().isEmpty()) {
      messages.add(new Message("system", settings.system()));
    }
    messages.add(new Message("user", row.prompt));
    return policy.tokenizePrompt(policy.prompt(messages));
  }

  private List<Row> rows() throws IOException {
    if (source.prompt != null) {
      return List.of(new Row("prompt", source.prompt));
    }
    Inputs.require(source.in);
    return JsonRows.read(source.in).stream().map(r -> new Row(r.id(), r.text("prompt"))).toList();
  }

  private static String lines(List<Completed> completed) {
    return completed.stream().map(c -> JsonText.MAPPER.writeValueAsString(c) + "\n").collect(Collectors.joining());
  }

  private void print(List<Completed> completed) {
    if (source.in == null) {
      completed.stream().filter(c -> !isTooLong(c)).forEach(c -> console().println(c.completion()));
    } else {
      console().print(lines(completed));
    }
    console().flush();
  }

  private PrintWriter console() {
    return spec.commandLine().getOut();
  }
}
