package dev.sphere.cli.command;

import dev.sphere.base.HeldFiles;
import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.option.Ending;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.JsonRows;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.data.JsonText;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.store.Journal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere score}. */
@Command(
    name = "score",
    description = {
      "Log-probabilities of given completions, token by token.",
      "  ./sphere score --model M.gguf --in rows.jsonl --out scored.jsonl",
      "Rows {\"id\",\"prompt\",\"completion\"} become {\"id\",\"logprob\",\"tokens\",\"token_logprobs\"}. Texts are taken as they are:",
      "the prompt is tokenised by the model's own rule for its start token, the completion apart, no end token added. A prompt that is a list of",
      "messages {\"role\",\"content\"} is put into the model's chat template.",
      "Rows are kept as they come, and --resume goes on where a broken-off call stood."
    },
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class ScoreCommand implements Callable<Integer>, SettingFlags.Command {
  private static final SettingsTree SETTINGS = SettingsTree.of(GenerateCommand.Settings.class).only("chat_template", "activations");

  private final SettingFlags flags = new SettingFlags(SETTINGS);

  @Option(names = "--model", required = true, paramLabel = "MODEL", description = "A GGUF file, or embedded.")
  private String model;

  @Option(names = "--adapter", paramLabel = "FILE", description = "A LoRA adapter in GGUF format.")
  private Path adapter;

  @Option(names = "--in", required = true, paramLabel = "FILE", description = "JSONL rows to score.")
  private Path in;

  @Option(names = "--out", required = true, paramLabel = "FILE", description = "JSONL rows, in the same order.")
  private Path out;

  @Option(names = "--chat",
      description = "Put a prompt that is a text into the model's chat template too, as a user's turn.")
  private boolean chat;

  @Option(names = "--resume", description = "Go on with rows for --out that were broken off.")
  private boolean resume;

  @Option(names = "--json", description = "One JSON object about the run as the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  /**
   * A row's texts: what its scores depend on.
   *
   * @param prompt the text, or the messages as JSON
   * @param dialogue whether it is messages
   */
  private record Texts(String prompt, boolean dialogue, String completion) {
    static Texts of(JsonRows.Row row, boolean chat) {
      JsonNode prompt = row.fields().path("prompt");
      if (chat && !prompt.isArray()) {
        String turn = JsonText.MAPPER.writeValueAsString(List.of(new Message("user", row.text("prompt"))));
        return new Texts(turn, true, row.text("completion"));
      }
      return prompt.isArray() ? new Texts(prompt.toString(), true, row.text("completion"))
          : new Texts(row.text("prompt"), false, row.text("completion"));
    }

    /** Rows of the same texts have the same scores. */
    String item() {
      return prompt.length() + (dialogue ? " messages " : " ") + prompt + completion;
    }

    List<Message> messages() {
      return Arrays.asList(JsonText.MAPPER.readValue(prompt, Message[].class));
    }
  }

  /**
   * The scores of the rows of some texts.
   *
   * @param tokens of the completion
   * @param logprobs natural, of each token
   */
  record Scored(String prompt, boolean dialogue, String completion, List<Integer> tokens, List<Float> logprobs) {
    static Scored of(Texts texts, int[] tokens, float[] logProbs) {
      return new Scored(texts.prompt, texts.dialogue, texts.completion, Arrays.stream(tokens).boxed().toList(),
          IntStream.range(0, logProbs.length).mapToObj(i -> logProbs[i]).toList());
    }

    /** Names its texts; null where something is missing. */
    String item() {
      return prompt == null || completion == null || tokens == null || logprobs == null ? null
          : new Texts(prompt, dialogue, completion).item();
    }
  }

  private static final Journal.Kind<Scored> JOURNAL = new Journal.Kind<>(Scored.class, "scoring", "scores", Scored::item, s -> 0);

  @Override
  public SettingFlags flags() {
    return flags;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Path file = ModelSource.resolve(model);
    GivenSettings told = flags.told();
    Inputs.require(in);
    if (adapter != null) {
      Inputs.require(adapter);
    }
    Inputs.requireWritable(out);
    List<JsonRows.Row> rows = JsonRows.read(in);
    Map<String, Texts> missing = new LinkedHashMap<>();
    rows.stream().map(row -> Texts.of(row, chat)).forEach(t -> missing.put(t.item(), t));
    Precision precision = SETTINGS.make(Precision.class, told);
    precision.use();
    long start = System.nanoTime();
    Map<String, Scored> all = new HashMap<>();
    try (HeldFiles files = new HeldFiles(Arrays.asList(file, adapter));
        Journal<Scored> journal = Journal.open(JOURNAL, out, GenerateCommand.made(
            file, adapter, (String) SETTINGS.value("chat_template", told), precision), 1, resume)) {
      journal.findings().forEach(f -> spec.commandLine().getErr().println("score: " + f));
      spec.commandLine().getErr().flush();
      journal.known().forEach((item, scored) -> all.put(item, scored.getFirst()));
      missing.keySet().removeAll(all.keySet());
      score(file, List.copyOf(missing.values()), told, all, journal, files);
      files.requireUnchanged();
      journal.finish(target -> {
        for (JsonRows.Row row : rows) {
          target.write(line(row, all.get(Texts.of(row, chat).item())));
          target.write('\n');
        }
      });
    }
    long scored = rows.stream().mapToLong(row -> all.get(Texts.of(row, chat).item()).tokens().size()).sum();
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
    Ending.print(spec, "", out);
    return 0;
  }

  /** Scores what is missing. */
  private void score(
      Path file, List<Texts> missing, GivenSettings told, Map<String, Scored> all, Journal<Scored> journal, HeldFiles files)
      throws InterruptedException {
    if (missing.isEmpty()) {
      return;
    }
    try (Model loaded = Model.load(file);
        Scorer scorer = Scorer.of(loaded, adapter)) {
      ChatTemplate template = ChatTemplate.of(loaded, (String) SETTINGS.value("chat_template", told));
      List<Scorer.Row> tokens = missing.stream().map(texts -> row(scorer, template, texts)).toList();
      scorer.score(tokens, done -> {
        files.requireUnchanged();
        List<Scored> scored = new ArrayList<>();
        done.forEach((i, logProbs) -> scored.add(Scored.of(missing.get(i), tokens.get(i).completion(), logProbs)));
        journal.add(scored);
        all.putAll(scored.stream().collect(Collectors.toMap(Scored::item, s -> s)));
      });
    }
  }

  private static Scorer.Row row(Scorer scorer, ChatTemplate template, Texts texts) {
    return texts.dialogue
        ? scorer.renderedRow(template.prompt(texts.messages(), true), texts.completion)
        : scorer.row(texts.prompt, texts.completion);
  }

  private static byte[] line(JsonRows.Row row, Scored scored) {
    double sum = 0;
    for (float l : scored.logprobs()) {
      sum += l;
    }
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("id", row.fields().has("id") ? row.fields().get("id") : row.number());
    fields.put("logprob", sum);
    fields.put("tokens", scored.tokens());
    fields.put("token_logprobs", scored.logprobs());
    return JsonText.MAPPER.writeValueAsBytes(fields);
  }
}
