package dev.sphere.lab.template;

import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.prompt.ChatTemplate;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * Renders chat templates for {@code lab/templates/compare.py}. Reads a case a line: template, start token, end token,
 * generation prompt, then role and content, all in Base64. With a model for an argument it writes that model's template,
 * start token and end token as a line of the same form (nothing where the file has no template), and reads nothing.
 */
public final class RenderTemplates {
  private RenderTemplates() {}

  public static void main(String[] args) throws Exception {
    if (args.length == 1) {
      System.out.println(ofModel(args[0]));
      return;
    }
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      List<String> fields = new ArrayList<>();
      for (String field : line.split(" ", -1)) {
        fields.add(new String(Base64.getDecoder().decode(field), StandardCharsets.UTF_8));
      }
      List<Message> messages = new ArrayList<>();
      for (int i = 4; i < fields.size(); i += 2) {
        messages.add(new Message(fields.get(i), fields.get(i + 1)));
      }
      String result;
      try {
        ChatTemplate template = new ChatTemplate(fields.get(0), fields.get(1), fields.get(2));
        result = "text " + template.render(messages, fields.get(3).equals("true"));
      } catch (IllegalArgumentException e) {
        result = "error " + e.getMessage();
      }
      System.out.println(base64(result));
    }
  }

  /** A file's own template and the texts of its special tokens. */
  static String ofModel(String nameOrPath) {
    try (Model model = Model.loadVocabulary(ModelSource.resolve(nameOrPath))) {
      String template = model.chatTemplate().orElse(null);
      Vocabulary v = model.vocabulary();
      return template == null || template.isBlank()
          ? "" : base64(template) + " " + base64(name(v, v.start())) + " " + base64(name(v, v.end()));
    }
  }

  private static String name(Vocabulary vocabulary, int token) {
    return token == Vocabulary.NONE ? "" : vocabulary.name(token);
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }
}
