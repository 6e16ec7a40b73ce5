package dev.sphere.trainer.checkpoint;

import dev.sphere.base.Sha256;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.TrainingSequence;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * The settings and hashes that determine a training's result. They are written into every artefact, and compared on
 * resume.
 *
 * @param modelHash SHA-256 of the model file that training starts from
 * @param dataHash SHA-256 of the training tokens, in order; it changes with rows, template, tokenizer and truncation
 * @param settings every setting that changes the result, by name
 */
public record Identity(String modelHash, String dataHash, Map<String, Object> settings) {
  public static String dataHash(List<? extends Example> examples) {
    MessageDigest digest = Sha256.digest();
    for (Example e : examples) {
      update(digest, e.id());
      update(digest, e.tree());
      for (TrainingSequence s : e.sequences()) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * (s.length() + 2)).putInt(s.length()).putInt(s.promptLength());
        for (int t : s.tokens()) {
          bytes.putInt(t);
        }
        digest.update(bytes.flip());
      }
    }
    return Sha256.hex(digest);
  }

  /** SHA-256 of one number of each example. */
  public static <E extends Example> String hash(List<E> examples, ToDoubleFunction<E> number) {
    return Sha256.of(
        examples.stream().map(e -> Double.toString(number.applyAsDouble(e))).collect(Collectors.joining(",")));
  }

  private static void update(MessageDigest digest, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    digest.update(ByteBuffer.allocate(4).putInt(bytes.length).flip());
    digest.update(bytes);
  }

  /** All entries by name, as text. */
  public Map<String, String> toMap() {
    Map<String, String> map = new LinkedHashMap<>();
    map.put("model", modelHash);
    map.put("data", dataHash);
    settings.forEach((k, v) -> map.put(k, String.valueOf(v)));
    return map;
  }
}
