package dev.sphere.cli.command;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.HeldFiles;
import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.JsonRows;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.settings.Told;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere score}. */
@Command(
    name = "score",
    description = {
      "Log-probabilities of given completions, token by token.",
      "  sphere score --model M.gguf --in rows.jsonl --out scored.jsonl",
      "Rows {\"id\",\"prompt\",\"completion\"} become {\"id\",\"logprob\",\"tokens\",\"token_logprobs\"}. The text is taken as it is;",
      "the prompt is tokenised by the model's own rule for its start token, the completion apart, no end token added."
    },
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class ScoreCommand implements Callable<Integer>, SettingFlags.Command {
  private static final SettingsTree SETTINGS = SettingsTree.of(GenerateCommand.Settings.class).only("chat", "chat_template", "activations");

  private final SettingFlags flags = new SettingFlags(SETTINGS);

  @Option(names = "--model", required = true, paramLabel = "MODEL", description = "A GGUF file, or embedded.")
  private String model;

  @Option(names = "--adapter", paramLabel = "FILE", description = "A LoRA adapter in GGUF format.")
  private Path adapter;

  @Option(names = "--in", required = true, paramLabel = "FILE", description = "JSONL rows to score.")
  private Path in;

  @Option(names = "--out", required = true, paramLabel = "FILE", description = "JSONL rows, in the same order.")
  private Path out;

  @Option(names = "--json", description = "One JSON object about the run as the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public SettingFlags flags() {
    return flags;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Path file = ModelSource.resolve(model);
    Told told = flags.told();
    Inputs.require(in);
    if (adapter != null) {
      Inputs.require(adapter);
    }
    Inputs.requireWritable(out);
    List<JsonRows.Row> rows = JsonRows.read(in);
    SETTINGS.make(Precision.class, told).use();
    long start = System.nanoTime();
    long scored = 0;
    try (HeldFiles files = new HeldFiles(Arrays.asList(file, adapter));
        Model loaded = Model.load(file);
        Scorer scorer = Scorer.of(loaded, adapter)) {
      ChatTemplate template = !told.has("chat") ? null
          : ChatTemplate.of(loaded, (String) SETTINGS.value("chat_template", told));
      List<Scorer.Row> tokens = rows.stream().map(r -> row(scorer, template, r)).toList();
      List<float[]> logProbs = scorer.score(tokens);
      files.requireUnchanged();
      AtomicFile.write(out, writer -> {
        for (int i = 0; i < rows.size(); i++) {
          writer.write(line(rows.get(i), tokens.get(i), logProbs.get(i)).getBytes(StandardCharsets.UTF_8));
          writer.write('\n');
        }
      });
      scored = logProbs.stream().mapToLong(l -> l.length).sum();
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    if (json) {
      Map<String, Object> summary = new LinkedHashMap<>();
      summary.put("rows", rows.size());
      summary.put("tokens", scored);
      summary.put("seconds", seconds);
      summary.put("out", out.toString());
      spec.commandLine().getOut().println(JsonMapper.shared().writeValueAsString(summary));
    } else {
      spec.commandLine().getOut().printf("%d rows, %d tokens scored in %.1f s: %s%n", rows.size(), scored, seconds, out);
    }
    spec.commandLine().getOut().flush();
    return 0;
  }

  private static Scorer.Row row(Scorer scorer, ChatTemplate template, JsonRows.Row row) {
    String prompt = row.text("prompt");
    String completion = row.text("completion");
    return template == null
        ? scorer.row(prompt, completion)
        : scorer.renderedRow(template.prompt(List.of(new Message("user", prompt)), true), completion);
  }

  private static String line(JsonRows.Row row, Scorer.Row tokens, float[] logProbs) {
    double sum = 0;
    for (float l : logProbs) {
      sum += l;
    }
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("id", row.fields().has("id") ? row.fields().get("id") : row.number());
    fields.put("logprob", sum);
    fields.put("tokens", tokens.completion());
    fields.put("token_logprobs", logProbs);
    return JsonMapper.shared().writeValueAsString(fields);
  }
}
