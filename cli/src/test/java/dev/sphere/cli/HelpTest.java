package dev.sphere.cli;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** Help is short and can be copied; a mistake in a call is answered with one line. */
class HelpTest {
  private static final Pattern EXAMPLE = Pattern.compile("(?m)^  \\./sphere ((?:.*\\\\\n)*.*)");

  private static String call(int status, String... args) {
    StringWriter text = new StringWriter();
    CommandLine line = Main.commandLine().setOut(new PrintWriter(text)).setErr(new PrintWriter(text));
    assertEquals(status, line.execute(args), text.toString());
    return text.toString();
  }

  private static Stream<CommandLine> commands(CommandLine command) {
    return Stream.concat(Stream.of(command), command.getSubcommands().values().stream().flatMap(HelpTest::commands));
  }

  @ParameterizedTest
  @CsvSource({"search", "eval", "train dpo", "train sft", "train prm"})
  void theTenFlagsThatMatterAreShownFirst(String command) {
    Pattern flag = Pattern.compile("(?m)^ *(?:-[a-zA-Z], )?--[a-z-]+(?:[=,]|  |$)");
    String few = call(0, (command + " --help").split(" "));
    long shown = flag.matcher(few).results().filter(m -> !m.group().contains("--help")).count();
    assertTrue(shown >= 9 && shown <= 10, few);
    String all = call(0, (command + " --help-all").split(" "));
    assertTrue(flag.matcher(all).results().count() > 35, all);
    assertTrue(few.lines().allMatch(l -> l.length() <= 80) && all.lines().allMatch(l -> l.length() <= 80), all);
  }

  @Test
  void examplesCanBeCopied() {
    List<String> examples = new ArrayList<>();
    commands(Main.commandLine()).forEach(command -> {
      String help = command.getUsageMessage();
      Matcher example = EXAMPLE.matcher(help);
      while (example.find()) {
        examples.add(example.group(1).replace("\\\n", " ").replaceAll(" #.*", "").replaceAll("\"[^\"]*\"", "x"));
      }
      assertTrue(help.lines().noneMatch(l -> l.matches("\\s+sphere [a-z].*")), help);
    });
    assertTrue(examples.size() > 25, examples.toString());
    assertAll(examples.stream().map(example -> () -> {
      CommandLine line = Main.commandLine();
      line.setUnmatchedArgumentsAllowed(false);
      try {
        line.parseArgs(example.strip().split("\\s+"));
      } catch (CommandLine.ParameterException e) {
        assertTrue(e.getMessage().contains("no such"), example + ": " + e.getMessage()); // a model that the reader has
      }
    }));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      search --model embedded --rollout 4        | sphere search: there is no flag --rollout: did you mean '--rollouts'?
      train dpo --model embedded --run r --lr 1  | sphere train dpo: there is no flag --lr: did you mean '--learning-rate' or '--lora-rank'?
      train dpo --model embedded                 | sphere train dpo: --run or --pairs or --data FILE is missing (sphere train dpo --help)
      search --model embedded --limit            | sphere search: Missing required parameter for option '--limit' (N) (sphere search --help)
      search --model embedded                    | sphere search: --run DIR is missing (sphere search --help)
      serch                                      | sphere: there is no command serch: did you mean 'search'?
      train doo                                  | sphere train: there is no command doo: did you mean 'dpo'?
      model info embedded b                      | sphere model info: there is no argument b (sphere model info --help)
      """)
  void aMistakeIsOneLine(String words, String line) {
    assertEquals(line + System.lineSeparator(), call(2, words.split(" +")));
  }
}
