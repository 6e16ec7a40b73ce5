package dev.sphere.web.serve;

import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.engine.prompt.ChatTemplate;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A model, or a model with an adapter, under the name that clients use. Thread-safe. */
public final class ServedModel implements AutoCloseable {
  private final String name;
  private final Model model;
  private final Path adapter;
  private final boolean share;
  private final int cells;
  private final BatchedPolicy policy;
  private final ChatTemplate template;
  private SharedScorer scorer; // opened when it is first asked for; guarded by this

  /**
   * Opens what generates; what scores is opened when it is first asked for.
   *
   * @param model stays the caller's, who closes it afterwards
   * @param adapter a LoRA adapter in GGUF format; null for none
   * @param template null for the model's own
   * @param context longest sequence in tokens; 0 for the model's, 8,192 at most
   * @param share false: each text is scored by itself, for comparisons
   */
  public ServedModel(String name, Model model, Path adapter, ChatTemplate template, int context, boolean share) {
    this.name = name;
    this.model = model;
    this.adapter = adapter;
    this.share = share;
    this.template = template != null ? template : ChatTemplate.of(model);
    int longest = Math.min(context > 0 ? context : 8192, model.trainedContext());
    BatchedPolicy.Options suits = BatchedPolicy.Options.auto(model, 0);
    this.cells = Math.max(suits.cells(), (longest + longest / 4 + 1024) / 256 * 256);
    this.policy = BatchedPolicy.of(model, adapter, this.template, new BatchedPolicy.Options(
        suits.lanes(), suits.threads(), suits.slots(), cells, longest));
  }

  String name() {
    return name;
  }

  BatchedPolicy policy() {
    return policy;
  }

  Vocabulary vocabulary() {
    return model.vocabulary();
  }

  ChatTemplate template() {
    return template;
  }

  synchronized SharedScorer scorer() {
    if (scorer == null) {
      int cores = Runtime.getRuntime().availableProcessors();
      scorer = new SharedScorer(Scorer.of(model, adapter, 1, cores, cells), share);
    }
    return scorer;
  }

  /** Tokens of all texts that were to be scored. */
  synchronized long scored() {
    return scorer == null ? 0 : scorer.asked();
  }

  /** Tokens that were computed to score them. */
  synchronized long computed() {
    return scorer == null ? 0 : scorer.computed();
  }

  /** A token as text; one that holds a part of a character alone as {@code bytes:\xe2}, as OpenAI writes it. */
  String tokenText(int token) {
    if (vocabulary().isControl(token)) {
      return vocabulary().name(token);
    }
    byte[] bytes = vocabulary().bytes(token);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      StringBuilder text = new StringBuilder("bytes:");
      for (byte b : bytes) {
        text.append(String.format("\\x%02x", b));
      }
      return text.toString();
    }
  }

  @Override
  public synchronized void close() {
    try (policy) {
      if (scorer != null) {
        scorer.close();
      }
    }
  }
}
