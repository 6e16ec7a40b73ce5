package dev.sphere.cli.command;

import dev.sphere.base.HeldFiles;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.JsonRows;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.Completions;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
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
      "  sphere generate --model embedded --chat --prompt \"Tom has 3 boxes of 4 pens. How many pens?\"",
      "  sphere generate --model M.gguf --in prompts.jsonl --out completions.jsonl --samples 4 --temperature 0.8"
    },
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class GenerateCommand implements Callable<Integer>, SettingFlags.Command {
  private static final SettingsTree SETTINGS = SettingsTree.of(Settings.class).withDefault("temperature", "0");

  /**
   * What is generated, and how.
   *
   * @param chat whether a prompt is a user's turn
   * @param template the Jinja text in place of the model's own; null for that
   * @param system the system turn; null for none
   * @param samples completions of a prompt
   * @param seed of the draws
   * @param sampling how tokens are drawn
   * @param precision how exactly the model computes
   */
  record Settings(
      @Setting(help = "Put the prompt into the model's chat template as a user's turn.")
      boolean chat,
      @Setting(name = "chat_template", label = "TEMPLATE", shown = "the model's own", needs = "chat",
          by = ChatTemplate.Named.class, help = "How the dialogue is rendered: plain, Jinja text, or a file of it.")
      String template,
      @Setting(label = "TEXT", shown = "none", needs = "chat", help = "A system turn before it.")
      String system,
      @Setting(def = "1", range = "[1, )", label = "K", help = "Completions of a prompt.")
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

  @Option(names = "--json", description = "One JSON object about the run as the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  private Settings settings;

  private record Row(String id, String prompt) {}

  @Override
  public SettingFlags flags() {
    return flags;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Path file = ModelSource.resolve(model);
    try (HeldFiles _ = new HeldFiles(List.of(file))) { // opened and checked once, from the defaults on
      return call(file);
    }
  }

  private int call(Path file) throws IOException, InterruptedException {
    settings = SETTINGS.make(Settings.class, flags.told(), ModelDefaults.of(file).values(), Map.of());
    if (adapter != null) {
      Inputs.require(adapter);
    }
    if (out != null) {
      Inputs.requireWritable(out);
    }
    List<Row> rows = rows();
    settings.precision().use();
    long start = System.nanoTime();
    List<List<Generation>> answers;
    try (HeldFiles files = new HeldFiles(Arrays.asList(file, adapter));
        BatchedPolicy policy = BatchedPolicy.open(file, adapter, settings.template(), 0)) {
      List<Completions.Prompt> prompts = rows.stream().map(r -> new Completions.Prompt(r.id, tokens(policy, r))).toList();
      answers =
          Completions.complete(policy, prompts, settings.samples(), settings.sampling(), StopRule.never(), settings.seed(), (i, done) -> {});
      files.requireUnchanged();
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    write(rows, answers);
    if (json) {
      long tokens = answers.stream().flatMap(List::stream).mapToLong(g -> g.tokens().length).sum();
      Map<String, Object> summary = new LinkedHashMap<>();
      summary.put("prompts", rows.size());
      summary.put("completions", rows.size() * settings.samples());
      summary.put("tokens", tokens);
      summary.put("seconds", seconds);
      if (source.in == null) {
        summary.put("completion", answers.getFirst().getFirst().text());
      }
      console().println(JsonMapper.shared().writeValueAsString(summary));
    }
    console().flush();
    return 0;
  }

  private int[] tokens(BatchedPolicy policy, Row row) {
    if (!settings.chat()) {
      return policy.tokenize(row.prompt, true);
    }
    List<Message> messages = new ArrayList<>();
    if (settings.system() != null) {
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

  private void write(List<Row> rows, List<List<Generation>> answers) throws IOException {
    if (source.in == null && out == null) {
      answers.getFirst().forEach(g -> console().println(g.text()));
      return;
    }
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < rows.size(); i++) {
      for (int k = 0; k < settings.samples(); k++) {
        Generation g = answers.get(i).get(k);
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("id", rows.get(i).id);
        row.put("sample", k);
        row.put("prompt", rows.get(i).prompt);
        row.put("completion", g.text());
        row.put("tokens", g.tokens().length);
        row.put("logprob", g.logProb());
        row.put("finish", g.finish().name().toLowerCase(Locale.ROOT));
        lines.append(JsonMapper.shared().writeValueAsString(row)).append('\n');
      }
    }
    if (out == null) {
      console().print(lines);
    } else {
      Files.writeString(out, lines);
    }
  }

  private PrintWriter console() {
    return spec.commandLine().getOut();
  }
}
