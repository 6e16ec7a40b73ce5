package dev.sphere.cli.command.model;

import dev.sphere.cli.option.Ending;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.ModelFile;
import dev.sphere.trainer.output.PeftAdapter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sphere model adapter}. */
@Command(
    name = "adapter",
    description = {
      "Turns a LoRA adapter from GGUF into Hugging Face PEFT's form, or back.",
      "  ./sphere model adapter --model base.gguf --adapter adapter.gguf \\",
      "      --to-peft folder",
      "  ./sphere model adapter --model base.gguf --from-peft folder \\",
      "      --adapter adapter.gguf"
    },
    mixinStandardHelpOptions = true)
public final class ModelAdapterCommand implements Callable<Integer> {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "FILE",
      converter = ModelFile.class,
      description = "The model of the adapter: a GGUF file or the name of an embedded model.")
  private Path model;

  @Option(names = "--adapter", required = true, paramLabel = "FILE", description = "The adapter in GGUF.")
  private Path adapter;

  @Option(names = "--to-peft", paramLabel = "DIR", description = "Writes adapter_config.json and adapter_model.safetensors.")
  private Path target;

  @Option(names = "--from-peft", paramLabel = "DIR", description = "Reads them and writes --adapter.")
  private Path source;

  @Option(
      names = "--base-name",
      defaultValue = "",
      paramLabel = "NAME",
      description = "What PEFT's configuration calls the base, for instance Qwen/Qwen2.5-0.5B-Instruct.")
  private String baseName;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if ((target == null) == (source == null)) {
      throw new ParameterException(spec.commandLine(), "give either --to-peft or --from-peft");
    }
    if (target != null) {
      Inputs.require(adapter);
      PeftAdapter.export(adapter, model, baseName, target);
    } else {
      if (!Files.isDirectory(source)) {
        throw new IllegalArgumentException(source + ": no such folder");
      }
      Inputs.require(source.resolve("adapter_config.json"));
      Inputs.require(source.resolve("adapter_model.safetensors"));
      Inputs.requireWritable(adapter);
      PeftAdapter.convert(source, model, adapter);
    }
    Ending.print(spec, target != null ? "" : "model merge --model " + Ending.word(model) + " --adapter "
        + Ending.word(adapter) + " --out merged.gguf", target != null ? target : adapter);
    return 0;
  }
}
