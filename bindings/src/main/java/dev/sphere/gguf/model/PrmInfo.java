package dev.sphere.gguf.model;

import dev.sphere.gguf.GgufException;
import dev.sphere.gguf.GgufMetadata;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The declaration of a GGUF file as a process reward model: how a step's score is read. Keys {@code sphere.prm.*}
 * (docs/reference/file-formats.md); a file with the head's tensors and no such key is taken for a conversion of
 * Qwen2.5-Math-PRM.
 *
 * @param form two label tokens' logits, or a head on the hidden state
 * @param layout how problem and steps are laid out for the model
 * @param goodToken id of the token that says a step is good; -1 for the head form
 * @param badToken id of the token that says it is bad; -1 for the head form
 * @param separatorToken id of the token that follows every step, at which the score is read; -1 for none: the score is
 *     read at the step's own last token
 */
public record PrmInfo(Form form, Layout layout, int goodToken, int badToken, int separatorToken) {
  /** The output that is read at the step's end. */
  public enum Form {
    /** P(good) of the two label tokens, by their logits. */
    TOKEN,
    /** A classifier of two classes over the final hidden state: Linear, ReLU, Linear; the second class is good. */
    HEAD
  }

  /** How problem and steps become the model's input. */
  public enum Layout {
    /** The model's own chat template with the question, then the steps just as the policy wrote them. */
    CHAT,
    /** Qwen2.5-Math-PRM: that project's system turn, the question, the steps without white space at their ends. */
    QWEN,
    /** RLHFlow: a user's turn for each step, each answered by the good token. */
    TURNS,
    /** Math-Shepherd: plain text, "question Step 1: ... SEP\nStep 2: ... SEP". */
    PLAIN;

    /** The name in files. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** No token. */
  public static final int NONE = -1;

  /** The head's tensors: width x width, width, width x 2, 2. */
  public static final List<String> HEAD_TENSORS =
      List.of("cls.weight", "cls.bias", "cls.output.weight", "cls.output.bias");

  static final int CLASSES = 2;
  private static final String QWEN_SEPARATOR = "<extra_0>";

  /** Whether the file holds any of the head's tensors: llama.cpp does not load it as it is then. */
  public static boolean hasHead(GgufFile file) {
    return HEAD_TENSORS.stream().anyMatch(file.tensors()::containsKey);
  }

  /**
   * Reads the declaration.
   *
   * @return empty where the file declares nothing and has no head: an ordinary language model
   * @throws GgufException where the declaration contradicts itself or the file; the message says what was expected
   */
  public static Optional<PrmInfo> of(GgufFile file) {
    GgufMetadata m = file.metadata();
    Optional<String> form = m.string("sphere.prm.form");
    if (form.isEmpty() && !hasHead(file)) {
      return Optional.empty();
    }
    boolean head = switch (form.orElse("head")) {
      case "token" -> false;
      case "head" -> true;
      default -> throw fail(file, "sphere.prm.form is " + GgufException.quote(form.get()) + ", expected token or head");
    };
    if (head != hasHead(file)) {
      throw fail(file, head ? "sphere.prm.form is head, but the tensors " + HEAD_TENSORS + " are missing"
          : "sphere.prm.form is token, but the file has the tensors of a head");
    }
    Layout layout = layout(file, m.string("sphere.prm.layout").orElse(form.isPresent() ? "chat" : "qwen"));
    int separator = form.isEmpty() ? named(file, QWEN_SEPARATOR) : token(file, "sphere.prm.separator_token", false);
    if (head) {
      return Optional.of(new PrmInfo(Form.HEAD, layout, NONE, NONE, separator));
    }
    int good = token(file, "sphere.prm.good_token", true);
    int bad = token(file, "sphere.prm.bad_token", true);
    if (good == bad) {
      throw fail(file, "sphere.prm.good_token and sphere.prm.bad_token are both " + good);
    }
    return Optional.of(new PrmInfo(Form.TOKEN, layout, good, bad, separator));
  }

  private static Layout layout(GgufFile file, String name) {
    for (Layout layout : Layout.values()) {
      if (layout.label().equals(name)) {
        return layout;
      }
    }
    throw fail(file, "sphere.prm.layout is " + GgufException.quote(name) + ", expected chat, qwen, turns or plain");
  }

  private static int token(GgufFile file, String key, boolean required) {
    if (!required && !file.metadata().has(key)) {
      return NONE;
    }
    long id = file.metadata().requireU32(key);
    int tokens = TokenizerCheck.tokens(file);
    if (id >= tokens) {
      throw fail(file, key + " is " + id + ", but there are " + tokens + " tokens");
    }
    return (int) id;
  }

  private static int named(GgufFile file, String token) {
    String[] tokens = file.metadata().strings("tokenizer.ggml.tokens").orElse(new String[0]);
    for (int i = 0; i < tokens.length; i++) {
      if (tokens[i].equals(token)) {
        return i;
      }
    }
    throw fail(file, "a model with a reward head, but its vocabulary has no " + token
        + " and there is no sphere.prm.form: declare the form (docs/reference/file-formats.md)");
  }

  private static GgufException fail(GgufFile file, String message) {
    return GgufException.in(file.path(), message);
  }
}
