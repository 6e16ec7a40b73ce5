package dev.sphere.trainer.data;

import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.Tokenizer;
import java.util.List;
import java.util.function.Function;

/** A model's tokenizer with its chat template and end tokens. */
public interface TextEncoder extends Tokenizer {
  /** The token that ends an answer. */
  int end();

  /** Whether a generation ends at this token: {@link #end} or another end token of the vocabulary. */
  default boolean ends(int token) {
    return token == end();
  }

  /** Renders a dialogue with the model's chat template, up to the beginning of the assistant's answer. */
  MarkedText prompt(List<Message> messages);

  /**
   * The encoder of a model.
   *
   * @param template renders a dialogue up to the beginning of the assistant's answer
   */
  static TextEncoder of(Vocabulary vocabulary, Function<List<Message>, MarkedText> template) {
    int end = endOfAnswer(vocabulary, template);
    return new TextEncoder() {
      @Override
      public int[] tokenize(String text, boolean start) {
        return vocabulary.tokenize(text, start, true);
      }

      @Override
      public int[] tokenize(MarkedText text, boolean start) {
        return vocabulary.tokenize(text.text(), text.content(), start);
      }

      @Override
      public int end() {
        return end;
      }

      @Override
      public boolean ends(int token) {
        return vocabulary.isEndOfGeneration(token);
      }

      @Override
      public MarkedText prompt(List<Message> messages) {
        return template.apply(messages);
      }
    };
  }

  /**
   * The token that the template writes after an assistant's message, if a generation ends at it; else the file's
   * declared end token. llama.cpp's end-of-turn token comes last, because where the file declares none llama.cpp
   * takes the first of several candidates in a hash table's order.
   */
  private static int endOfAnswer(Vocabulary vocabulary, Function<List<Message>, MarkedText> template) {
    int token = afterAnswer(vocabulary, template);
    if (token != Vocabulary.NONE && vocabulary.isEndOfGeneration(token)) {
      return token;
    }
    int end = vocabulary.end() != Vocabulary.NONE ? vocabulary.end() : vocabulary.endOfTurn();
    if (end == Vocabulary.NONE) {
      throw new IllegalArgumentException("the model's vocabulary has no token that ends an answer");
    }
    return end;
  }

  private static int afterAnswer(Vocabulary vocabulary, Function<List<Message>, MarkedText> template) {
    String answer = "forty-two";
    String dialogue;
    try {
      dialogue = template.apply(
          List.of(new Message("user", "question"), new Message("assistant", answer), new Message("user", "question")))
          .text();
    } catch (IllegalArgumentException refused) { // the template does not take this dialogue
      return Vocabulary.NONE;
    }
    int at = dialogue.lastIndexOf(answer);
    if (at < 0) {
      return Vocabulary.NONE;
    }
    int[] tokens = vocabulary.tokenize(dialogue.substring(at + answer.length()).strip(), false, true);
    return tokens.length == 0 ? Vocabulary.NONE : tokens[0];
  }
}
