package dev.sphere.cli.command;

import dev.sphere.base.HeldFiles;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.JsonRows;
import dev.sphere.cli.option.SamplingOptions;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.Completions;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.prompt.ChatTemplate;
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
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
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
    mixinStandardHelpOptions = true)
public final class GenerateCommand implements Callable<Integer> {
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

  @Option(names = "--chat", description = "Put the prompt into the model's chat template as a user's turn.")
  private boolean chat;

  @Option(names = "--chat-template", paramLabel = "TEMPLATE",
      description = "With --chat: plain, or a file of Jinja text, in place of the model's own template.")
  private String chatTemplate;

  @Option(names = "--system", description = "With --chat: a system turn before it.")
  private String system;

  @Option(names = "--samples", defaultValue = "1", description = "Completions a prompt (default: ${DEFAULT-VALUE}).")
  private int samples;

  @Mixin private SamplingOptions sampling;

  @Option(names = "--seed", defaultValue = "0", description = "Of the draws (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(names = "--json", description = "One JSON object about the run as the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  private record Row(String id, String prompt) {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (samples < 1) {
      throw new ParameterException(spec.commandLine(), "--samples must be at least 1, not " + samples);
    }
    Path file = ModelSource.resolve(model);
    if (adapter != null) {
      Inputs.require(adapter);
    }
    if (out != null) {
      Inputs.requireWritable(out);
    }
    List<Row> rows = rows();
    long start = System.nanoTime();
    List<List<Generation>> answers;
    try (HeldFiles files = new HeldFiles(Arrays.asList(file, adapter));
        BatchedPolicy policy = BatchedPolicy.open(file, adapter, ChatTemplate.named(chatTemplate), 0)) {
      List<Completions.Prompt> prompts = rows.stream().map(r -> new Completions.Prompt(r.id, tokens(policy, r))).toList();
      answers =
          Completions.complete(policy, prompts, samples, sampling.settings(), StopRule.never(), seed, (i, done) -> {});
      files.requireUnchanged();
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    write(rows, answers);
    if (json) {
      long tokens = answers.stream().flatMap(List::stream).mapToLong(g -> g.tokens().length).sum();
      Map<String, Object> summary = new LinkedHashMap<>();
      summary.put("prompts", rows.size());
      summary.put("completions", rows.size() * samples);
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
    if (!chat) {
      return policy.tokenize(row.prompt, true);
    }
    List<Message> messages = new ArrayList<>();
    if (system != null) {
      messages.add(new Message("system", system));
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
      for (int k = 0; k < samples; k++) {
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
