package dev.sphere.cli.command.web;

import dev.sphere.base.HeldFiles;
import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.option.Inputs;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.web.LocalServer;
import dev.sphere.web.serve.InferenceServer;
import dev.sphere.web.serve.ServedModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sphere serve}. */
@Command(
    name = "serve",
    description = {
      "Answers OpenAI's completion and chat requests: for evaluators and chats.",
      "  ./sphere serve --model M.gguf --adapter evolved=A.gguf",
      "  curl http://127.0.0.1:8080/v1/models",
      "Log-probabilities are those of sphere score, whoever shares the batch. It ends with Ctrl-C."
    },
    modelTransformer = SettingFlags.Adder.class,
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class ServeCommand implements Callable<Integer>, SettingFlags.Command {
  private static final SettingsTree SETTINGS = SettingsTree.of(Settings.class).only("chat_template", "activations");

  /** How prompts are rendered, and how exactly the model computes. */
  record Settings(@Nested Prompts prompts, @Nested Precision precision) {}

  private final SettingFlags flags = new SettingFlags(SETTINGS);

  @Option(names = "--model", required = true, paramLabel = "MODEL", description = "A GGUF file, or embedded.")
  private String model;

  @Option(names = "--name", paramLabel = "NAME", description = "The model's name for clients (default: the file's).")
  private String name;

  @Option(names = "--adapter", paramLabel = "NAME=FILE",
      description = "A LoRA adapter in GGUF format: clients see it as a model of this name. Any number of them.")
  private Map<String, Path> adapters = new LinkedHashMap<>();

  @Option(names = "--port", paramLabel = "N", defaultValue = "8080",
      description = "The port; 0 for a free one (default: ${DEFAULT-VALUE}).")
  private int port;

  @Option(names = "--host", paramLabel = "ADDRESS", defaultValue = "127.0.0.1",
      description = "The interface; another one than this machine's own needs --api-key (default: ${DEFAULT-VALUE}).")
  private String host;

  @Option(names = "--api-key", paramLabel = "KEY", defaultValue = "${env:SPHERE_API_KEY:-}",
      description = "Clients must send it; SPHERE_API_KEY in the environment keeps it off the command line.")
  private String apiKey;

  @Option(names = "--context", paramLabel = "TOKENS", defaultValue = "0",
      description = "Longest prompt and answer together (default: the model's, 8192 at most).")
  private int context;

  @Option(names = "--no-sharing", description = "Score each text by itself, to see what sharing saves.")
  private boolean alone;

  @Spec private CommandSpec spec;

  @Override
  public SettingFlags flags() {
    return flags;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    LocalServer.requirePort(port);
    InetAddress address = InetAddress.getByName(host);
    if (!address.isLoopbackAddress() && apiKey.isEmpty()) {
      throw new IllegalArgumentException("--host " + host + " can be reached from other machines: give --api-key");
    }
    Path file = ModelSource.resolve(model);
    adapters.values().forEach(Inputs::require);
    SETTINGS.make(Precision.class, flags.told()).use();
    List<Path> held = new ArrayList<>(adapters.values());
    held.add(file);
    String first = name != null ? name : Path.of(model).getFileName().toString().replaceFirst("\\.gguf$", "");
    try (HeldFiles _ = new HeldFiles(held); Model loaded = Model.load(file)) {
      ChatTemplate template = ChatTemplate.of(loaded, (String) SETTINGS.value("chat_template", flags.told()));
      List<ServedModel> served = new ArrayList<>();
      try {
        served.add(new ServedModel(first, loaded, null, template, context, !alone));
        adapters.forEach((n, a) -> served.add(new ServedModel(n, loaded, a, template, context, !alone)));
        serve(address, served, first);
      } finally {
        served.forEach(ServedModel::close);
      }
    }
    return 0;
  }

  private void serve(InetAddress address, List<ServedModel> served, String first) throws InterruptedException {
    try (InferenceServer server = new InferenceServer(address, port, apiKey, served)) {
      PrintWriter out = spec.commandLine().getOut();
      out.println("Serving " + first + (adapters.isEmpty() ? "" : " and " + String.join(", ", adapters.keySet()))
          + " at " + server.address() + "v1");
      out.flush();
      new CountDownLatch(1).await(); // a signal ends the process
    }
  }
}
