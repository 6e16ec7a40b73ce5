package dev.sphere.trainer.job;

import dev.sphere.bindings.Vocabulary;
import dev.sphere.gguf.PrmInfo;
import dev.sphere.trainer.data.StepEncoder.Labels;

/**
 * How a trained process reward model says what a step is worth; written into its file as {@code sphere.prm.*}.
 *
 * @param form two label tokens' logits, or a head of two classes
 * @param good text of the token for a good step; not used by a head
 * @param bad text of the token for a bad step; not used by a head
 * @param separator text of the token that follows every step, at which the score is read; null: it is read at the step's
 *     own last token
 */
public record PrmForm(PrmInfo.Form form, String good, String bad, String separator) {
  /** The label tokens "+" and "-", read at a step's last token. */
  public static PrmForm tokens() {
    return new PrmForm(PrmInfo.Form.TOKEN, "+", "-", null);
  }

  /** The ids in a vocabulary. */
  Labels labels(Vocabulary vocabulary) {
    int end = separator == null ? PrmInfo.NONE : id(vocabulary, separator, "the separator");
    return form == PrmInfo.Form.HEAD
        ? new Labels(1, 0, end)
        : new Labels(id(vocabulary, good, "the good label"), id(vocabulary, bad, "the bad label"), end);
  }

  private static int id(Vocabulary vocabulary, String text, String what) {
    int[] tokens = vocabulary.tokenize(text, false, true);
    if (tokens.length != 1) {
      throw new IllegalArgumentException(
          what + " must be one token of the model, but '" + text + "' is " + tokens.length + " of them");
    }
    return tokens[0];
  }
}
