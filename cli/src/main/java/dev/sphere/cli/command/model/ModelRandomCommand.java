package dev.sphere.cli.command.model;

import dev.sphere.cli.option.Ending;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.ModelFile;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.ModelInfo;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere model random}. */
@Command(
    name = "random",
    description = {
      "Writes a model with the dimensions of a real one and random weights, for tests and benchmarks.",
      "  ./sphere model random --like qwen2.5-0.5b --vocab ggml-vocab-qwen2.gguf \\",
      "      --out random.gguf"
    },
    mixinStandardHelpOptions = true)
public final class ModelRandomCommand implements Callable<Integer> {

  /** The names for help and completion. */
  static final class Names implements Iterable<String> {
    @Override
    public java.util.Iterator<String> iterator() {
      return RandomModel.names().iterator();
    }
  }

  @Option(
      names = "--like",
      required = true,
      paramLabel = "NAME",
      completionCandidates = Names.class,
      description = "Dimensions: ${COMPLETION-CANDIDATES}.")
  private String like;

  @Option(
      names = "--vocab",
      paramLabel = "FILE",
      converter = ModelFile.class,
      description = {
        "GGUF file whose tokenizer it gets: a vocabulary of llama.cpp's models/ directory, or any model.",
        "Without it, a vocabulary of one token a byte."
      })
  private Path vocabulary;

  @Option(
      names = "--type",
      defaultValue = "bf16",
      paramLabel = "TYPE",
      description = "Type of the matrices: f32, f16, bf16, q8_0, q4_0, q4_k, q5_k or q6_k (default: ${DEFAULT-VALUE}).")
  private String type;

  @Option(names = "--seed", defaultValue = "0", description = "Same seed, same file (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(names = "--layers", paramLabel = "N", description = "Another number of layers than the real model has.")
  private Integer layers;

  @Option(names = "--out", required = true, paramLabel = "FILE", description = "The file to write.")
  private Path out;

  @Option(names = "--json", description = "One JSON object about the file as the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    RandomModel.Dimensions dimensions = RandomModel.like(like);
    if (layers != null) {
      if (layers < 1) {
        throw new IllegalArgumentException("--layers must be at least 1: " + layers);
      }
      dimensions = dimensions.withLayers(layers);
    }
    GgmlType matrices = GgmlType.byLabel(type);
    Inputs.requireWritable(out);
    RandomModel.write(dimensions, tokenizer(), matrices, seed, out);
    PrintWriter console = spec.commandLine().getOut();
    try (GgufFile file = GgufFile.openModel(out)) {
      ModelInfo info = ModelInfo.of(file, Optional.empty());
      info.lines().forEach(console::println);
      if (json) {
        console.println(JsonMapper.shared().writeValueAsString(info.toMap()));
      }
    }
    Ending.print(spec, "bench rollouts --model " + Ending.word(out), out);
    return 0;
  }

  private Map<String, GgufValue> tokenizer() {
    if (vocabulary == null) {
      return ByteVocabulary.metadata();
    }
    try (GgufFile file = GgufFile.open(vocabulary)) {
      return file.metadata().values();
    }
  }
}
