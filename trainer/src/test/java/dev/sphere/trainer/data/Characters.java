package dev.sphere.trainer.data;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy.Message;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** An encoder of one token a character; 1 starts a text, '$' ends an answer. */
final class Characters implements TextEncoder {
  @Override
  public int[] tokenize(String text, boolean start) {
    return start ? IntStream.concat(IntStream.of(1), text.chars()).toArray() : text.chars().toArray();
  }

  @Override
  public int end() {
    return '$';
  }

  @Override
  public MarkedText prompt(List<Message> messages) {
    return MarkedText.of(
        messages.stream().map(m -> m.role().charAt(0) + ":" + m.content()).collect(Collectors.joining("|")) + "|a:");
  }
}
