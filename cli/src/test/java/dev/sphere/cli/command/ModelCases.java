package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sphere.cli.Main;
import java.nio.file.Files;
import java.nio.file.Path;

/** Files that a command is given in its tests. */
final class ModelCases {
  private ModelCases() {}

  /** An adapter over the embedded model that changes what it says. */
  static Path adapter(Path dir) throws Exception {
    Path adapter = dir.resolve("adapter.gguf");
    if (!Files.exists(adapter)) {
      Path pairs = Files.writeString(dir.resolve("adapter-pairs.jsonl"), """
          {"prompt": "Tom has 3 pens.", "chosen": " 3*4=12", "rejected": " 3+4=7"}
          """);
      assertEquals(0, Main.run("train", "dpo", "--model", "embedded", "--pairs", pairs.toString(), "--adapter-out",
          adapter.toString(), "--steps", "2", "--learning-rate", "1e-2", "--warmup", "0", "--json"));
    }
    return adapter;
  }
}
