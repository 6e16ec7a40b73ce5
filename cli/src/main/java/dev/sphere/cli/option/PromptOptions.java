package dev.sphere.cli.option;

import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.prompt.Prompts;
import picocli.CommandLine.Option;

/** What is said to a model: a mixin for commands that ask it for solutions. */
public final class PromptOptions {
  @Option(names = "--chat-template", paramLabel = "TEMPLATE",
      description = "How a dialogue is rendered: plain, or a file of Jinja text (default: the model's own).")
  private String template;

  @Option(names = "--system", paramLabel = "TEXT", description = "The system turn (default: none).")
  private String system;

  @Option(names = "--question", paramLabel = "TEXT",
      description = "The user's turn, with {question} for the problem's text (default: as suits the model).")
  private String question;

  /** What is usual for the model, with what the flags say in its place. */
  public Prompts over(Prompts usual) {
    return usual.with(system, question, null, null, ChatTemplate.named(template));
  }
}
