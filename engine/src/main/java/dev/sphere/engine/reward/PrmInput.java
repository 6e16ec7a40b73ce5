package dev.sphere.engine.reward;

import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.Problem;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.gguf.model.PrmInfo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Lays problem and steps out for a process reward model; the score of the last step is read at the last token. A text
 * that goes on with another step begins with the same tokens, so that their KV cells are shared.
 */
final class PrmInput {
  private static final String QWEN_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}.";

  private final Vocabulary vocabulary;
  private final ChatTemplate template;
  private final Prompts prompts;
  private final PrmInfo info;

  /** @param prompts what a policy of this model's kind is asked, for the layout {@code chat} */
  PrmInput(Vocabulary vocabulary, ChatTemplate template, Prompts prompts, PrmInfo info) {
    this.vocabulary = vocabulary;
    this.template = template;
    this.prompts = prompts;
    this.info = info;
  }

  /** The tokens of a problem and its steps, at least one. */
  int[] tokens(Problem problem, List<String> steps) {
    return switch (info.layout()) {
      case CHAT -> chat(prompts.ask(problem), steps);
      case QWEN -> chat(List.of(new Message("system", QWEN_SYSTEM), new Message("user", problem.question())),
          steps.stream().map(String::strip).toList());
      case TURNS -> turns(problem, steps);
      case PLAIN -> plain(problem, steps);
    };
  }

  private int[] chat(List<Message> dialogue, List<String> steps) {
    IntStream.Builder all = IntStream.builder();
    Arrays.stream(prompt(template.prompt(dialogue, true))).forEach(all);
    for (String step : steps) {
      Arrays.stream(vocabulary.tokenize(step, false, false)).forEach(all);
      if (info.separatorToken() != PrmInfo.NONE) {
        all.add(info.separatorToken());
      }
    }
    return all.build().toArray();
  }

  private int[] turns(Problem problem, List<String> steps) {
    String good = vocabulary.detokenize(info.goodToken()).strip();
    List<Message> dialogue = new ArrayList<>();
    for (String step : steps) {
      if (!dialogue.isEmpty()) {
        dialogue.add(new Message("assistant", good));
      }
      String turn = step.strip();
      dialogue.add(new Message("user", dialogue.isEmpty() ? problem.question() + " " + turn : turn));
    }
    return prompt(template.prompt(dialogue, true));
  }

  /** Tokenised piece by piece: a separator stays a separator whatever stands before it. */
  private int[] plain(Problem problem, List<String> steps) {
    IntStream.Builder all = IntStream.builder();
    for (int i = 0; i < steps.size(); i++) {
      String step = steps.get(i).strip();
      String name = "Step " + (i + 1) + ":";
      String line = step.startsWith(name) ? step : name + " " + step;
      String text = i == 0 ? problem.question() + " " + line : "\n" + line;
      Arrays.stream(vocabulary.tokenize(text, i == 0, false)).forEach(all);
      if (info.separatorToken() != PrmInfo.NONE) {
        all.add(info.separatorToken());
      }
    }
    return all.build().toArray();
  }

  /** A prompt's tokens with the start token, but once only where the template writes it too. */
  private int[] prompt(MarkedText rendered) {
    int[] tokens = vocabulary.tokenize(rendered.text(), rendered.content(), true);
    if (tokens.length > 1 && tokens[0] == tokens[1] && tokens[0] == vocabulary.start()) {
      return Arrays.copyOfRange(tokens, 1, tokens.length);
    }
    return tokens;
  }
}
