package dev.sphere.trainer.job;

import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.settings.Setting;
import dev.sphere.gguf.model.PrmInfo;
import dev.sphere.trainer.data.StepEncoder.Labels;

/**
 * The form of a process reward model's scores, written into its file as {@code sphere.prm.*}: logits of two label
 * tokens, or a head of two classes on the hidden state.
 *
 * @param good text of the token of a good step; null for a head
 * @param bad text of the token of a bad step; null for a head
 * @param separator text of the token after every step; null where scores are read at a step's own last token
 */
public record PrmForm(
    @Setting(def = "token", label = "FORM",
        help = "How the model says what a step is worth: token (the logits of two label tokens) or head (two classes "
            + "on the hidden state, as Qwen2.5-Math-PRM has it).")
    PrmInfo.Form form,
    @Setting(name = "good_token", def = "+", label = "TOKEN", needs = "form=token", help = "Label of a good step.")
    String good,
    @Setting(name = "bad_token", def = "-", label = "TOKEN", needs = "form=token", help = "Label of a bad step.")
    String bad,
    @Setting(name = "separator_token", label = "TOKEN", shown = "none, it is read at the step's own end",
        help = "Token after each step, at which the score is read.")
    String separator) {
  public PrmForm {
    good = form == PrmInfo.Form.HEAD ? null : good;
    bad = form == PrmInfo.Form.HEAD ? null : bad;
  }

  /** The label tokens "+" and "-", read at a step's last token. */
  public static PrmForm tokens() {
    return new PrmForm(PrmInfo.Form.TOKEN, "+", "-", null);
  }

  /** A head. */
  public static PrmForm head(String separator) {
    return new PrmForm(PrmInfo.Form.HEAD, null, null, separator);
  }

  public boolean isHead() {
    return form == PrmInfo.Form.HEAD;
  }

  /** The tokens' ids in a vocabulary. */
  Labels labels(Vocabulary vocabulary) {
    int end = separator == null ? PrmInfo.NONE : id(vocabulary, separator, "the separator");
    if (isHead()) {
      return Labels.head(end);
    }
    Labels labels = new Labels(id(vocabulary, good, "the good label"), id(vocabulary, bad, "the bad label"), end);
    if (labels.good() == labels.bad()) {
      throw new IllegalArgumentException("the labels of good and bad steps must differ, both are '" + good + "'");
    }
    return labels;
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
