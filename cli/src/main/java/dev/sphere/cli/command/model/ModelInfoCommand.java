package dev.sphere.cli.command.model;

import dev.sphere.cli.option.ModelFile;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.ModelInfo;
import java.io.PrintWriter;
import java.nio.file.Path;
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
      }
    }
    out.flush();
    return 0;
  }
}
