package dev.sphere.lab.agree;

import dev.sphere.engine.Policy.Message;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The prompts of {@code prompts.txt}. A line {@code === KIND} begins one; {@code === define NAME} begins a text that
 * others take in as {@code {NAME}}; of the kind {@code chat} a line {@code ROLE: ...} begins a message.
 */
final class PromptFile {
  /**
   * A prompt.
   *
   * @param kind what it is: short, problem, chat, long, code or script
   * @param text what the model goes on with; null for a dialogue
   * @param dialogue what the model's chat template renders; null for a text
   */
  record Prompt(String kind, String text, List<Message> dialogue) {}

  private static final String MARK = "=== ";

  private PromptFile() {}

  static List<Prompt> read() {
    try (InputStream in = PromptFile.class.getResourceAsStream("prompts.txt")) {
      return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<Prompt> parse(String file) {
    Map<String, String> defined = new HashMap<>();
    List<Prompt> prompts = new ArrayList<>();
    for (String block : ("\n" + file).split("\n" + MARK)) {
      int end = block.indexOf('\n');
      if (end < 0) {
        continue; // before the first mark
      }
      String head = block.substring(0, end);
      String text = block.substring(end + 1).stripTrailing();
      for (Map.Entry<String, String> each : defined.entrySet()) {
        text = text.replace("{" + each.getKey() + "}", each.getValue());
      }
      if (head.startsWith("define ")) {
        defined.put(head.substring(7), text);
      } else {
        prompts.add(head.equals("chat") ? new Prompt(head, null, dialogue(text)) : new Prompt(head, text, null));
      }
    }
    return prompts;
  }

  private static List<Message> dialogue(String text) {
    List<Message> messages = new ArrayList<>();
    for (String line : text.split("\n")) {
      int colon = line.indexOf(": ");
      messages.add(new Message(line.substring(0, colon), line.substring(colon + 2)));
    }
    return messages;
  }
}
