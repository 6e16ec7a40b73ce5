package dev.sphere.engine.prompt;

import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.SolutionMarker;
import dev.sphere.engine.settings.Setting;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The prompts of a model: system turn, question, correction.
 *
 * @param system the system turn; empty for none
 * @param question the user's turn; {@code {question}} stands for the problem's text
 * @param correction the user's turn after a wrong solution; {@code {marker}} stands for {@code correctedAfter}
 * @param correctedAfter in an answer to {@code correction}, the solution begins after the last line that begins with
 *     this text ({@link SolutionMarker}); an answer without it makes no pair. Empty: the whole answer is the solution
 * @param template the Jinja text that renders a dialogue; empty for each model's own chat template
 */
public record Prompts(
    @Setting(label = "TEXT", shown = "none", help = "The system turn.")
    String system,
    @Setting(label = "TEXT", shown = "as suits the model",
        help = "The user's turn, with {question} for the problem's text.")
    String question,
    @Setting(label = "TEXT", shown = "as suits the model", needs = "stages=correction",
        help = "The user's turn after a wrong solution (stage 2); {marker} stands for the next setting.")
    String correction,
    @Setting(label = "TEXT", shown = "as suits the model", needs = "stages=correction",
        help = "The text after which the answer to the correction prompt holds the solution; empty: all of it does.")
    String correctedAfter,
    @Setting(name = "chat_template", label = "TEMPLATE", shown = "the model's own",
        by = ChatTemplate.Named.class,
        help = "How a dialogue is rendered: plain, Jinja text, or a file of it.")
    String template) {
  public Prompts {
    if (!question.contains("{question}")) {
      throw new IllegalArgumentException("the question's template must contain {question}, it is: " + question);
    }
    if (correction.isBlank()) {
      throw new IllegalArgumentException("the correction prompt must not be empty");
    }
  }

  /** Prompts that each model's own chat template renders. */
  public Prompts(String system, String question, String correction, String correctedAfter) {
    this(system, question, correction, correctedAfter, "");
  }

  /** A copy in which each argument that is not null replaces the value here. */
  public Prompts with(String system, String question, String correction, String correctedAfter, String template) {
    return new Prompts(
        system == null ? this.system : system,
        question == null ? this.question : question,
        correction == null ? this.correction : correction,
        correctedAfter == null ? this.correctedAfter : correctedAfter,
        template == null ? this.template : template);
  }

  /** The prompts by the names of their settings. */
  public Map<String, Object> values() {
    return Map.of("system", system, "question", question, "correction", correction, "corrected_after", correctedAfter,
        "chat_template", template);
  }

  /** For instruction-tuned models: reason step by step, the final answer in {@code \boxed{}}. */
  public static Prompts defaults() {
    return new Prompts(
        "",
        "{question}\n\nPlease reason step by step, and put your final answer within \\boxed{}.",
        "Your solution above reaches a wrong answer. Say in one or two sentences where the first mistake is. Then "
            + "write a line \"{marker}\" and, after it, solve the problem again from the beginning, step by step, "
            + "with your final answer within \\boxed{}.",
        "Corrected solution:");
  }

  /** The dialogue that asks for a solution. */
  public List<Policy.Message> ask(Problem problem) {
    List<Policy.Message> dialogue = new ArrayList<>();
    if (!system.isEmpty()) {
      dialogue.add(new Policy.Message("system", system));
    }
    dialogue.add(new Policy.Message("user", question.replace("{question}", problem.question())));
    return dialogue;
  }

  /** The dialogue that shows a wrong solution and asks to find the mistake and to solve the problem again. */
  public List<Policy.Message> askToCorrect(Problem problem, String wrongSolution) {
    List<Policy.Message> dialogue = ask(problem);
    dialogue.add(new Policy.Message("assistant", wrongSolution));
    String asked = correction.replace("{marker}", correctedAfter).replace("{question}", problem.question());
    dialogue.add(new Policy.Message("user", asked));
    return dialogue;
  }

  /** The marker before the solution in an answer to the correction prompt. */
  public SolutionMarker marker() {
    return SolutionMarker.of(correctedAfter);
  }
}
