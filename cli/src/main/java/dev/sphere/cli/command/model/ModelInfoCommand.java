package dev.sphere.cli.command.model;

import dev.sphere.cli.option.Ending;
import dev.sphere.cli.option.ModelFile;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.ModelInfo;
import dev.sphere.gguf.model.ModelShape;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere model info FILE}. */
@Command(
    name = "info",
    description = {
      "Checks a GGUF file from end to end and says what it holds.",
      "  ./sphere model info model.gguf",
      "Exit status 1 means that the file is damaged; the message says where."
    },
    mixinStandardHelpOptions = true)
public final class ModelInfoCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "FILE",
      converter = ModelFile.class,
      description = "A model, a vocabulary or a LoRA adapter (GGUF), or the name of an embedded model.")
  private Path file;

  @Option(
      names = "--context",
      paramLabel = "TOKENS",
      description = "Tokens of context to estimate the memory for (default: 4096, or the model's own if smaller).")
  private Long context;

  @Option(names = "--json", description = "One JSON object on one line instead of text.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if (context != null && (context < 1 || context > 1L << 28)) {
      throw new ParameterException(spec.commandLine(), "--context must be 1 to " + (1L << 28) + ", not " + context);
    }
    PrintWriter out = spec.commandLine().getOut();
    try (GgufFile gguf = GgufFile.open(file)) {
      ModelInfo info = ModelInfo.of(gguf, Optional.ofNullable(context));
      if (json) {
        out.println(JsonMapper.shared().writeValueAsString(info.toMap()));
      } else {
        info.lines().forEach(out::println);
        use(info).forEach(out::println);
      }
    }
    Ending.print(spec, "generate --model " + Ending.word(file) + " --prompt \"What is 17 + 25?\"");
    return 0;
  }

  /** Whether Sphere can search with the file and train it, in words. */
  private static List<String> use(ModelInfo info) {
    List<String> words = new ArrayList<>();
    switch (info.kind()) {
      case ADAPTER -> words.add("Sphere can search with it over its base (--adapter), evaluate it, and merge it (model merge).");
      case VOCABULARY -> words.add("A vocabulary alone: there is nothing to search with or to train.");
      case MODEL -> {
        if (info.shape() == null) {
          words.add("Sphere can neither search with it nor train it: the architecture " + info.architecture()
              + " is not supported; " + String.join(", ", ModelShape.supported()) + " are.");
        } else {
          words.add("Sphere can search with it and train it: an adapter (--method lora), or all weights (--method full).");
          if (!info.chatTemplate()) {
            words.add("It has no chat template: give worked examples (--few-shot), or a template (--chat-template).");
          }
        }
      }
    }
    return words;
  }
}
