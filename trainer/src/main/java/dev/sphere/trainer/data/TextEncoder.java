package dev.sphere.trainer.data;

import dev.sphere.bindings.Vocabulary;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.Tokenizer;
import java.util.List;
import java.util.function.Function;

/** What turning rows into tokens needs of a model. */
public interface TextEncoder extends Tokenizer {
  /** The token that ends an answer. */
  int end();

  /** Renders a dialogue with the model's chat template, up to where the assistant's answer begins. */
  String render(List<Message> messages);

  /**
   * A model's vocabulary and template.
   *
   * @param template renders a dialogue up to where the assistant's answer begins
   */
  static TextEncoder of(Vocabulary vocabulary, Function<List<Message>, String> template) {
    int end = vocabulary.endOfTurn() != Vocabulary.NONE ? vocabulary.endOfTurn() : vocabulary.end();
    if (end == Vocabulary.NONE) {
      throw new IllegalArgumentException("the model's vocabulary has no token that ends an answer");
    }
    return new TextEncoder() {
      @Override
      public int[] tokenize(String text, boolean start) {
        return vocabulary.tokenize(text, start, true);
      }

      @Override
      public int end() {
        return end;
      }

      @Override
      public String render(List<Message> messages) {
        return template.apply(messages);
      }
    };
  }
}
