package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import dev.sphere.engine.decode.Precision;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A command's settings reach their places: every option, changed alone, changes the result that it should. The options
 * are asked of the command itself, so that a new one must come with its case.
 */
abstract class EveryOption {
  @TempDir Path dir;

  private final Map<List<String>, Done> known = new HashMap<>();

  /**
   * What a call came to.
   *
   * @param status exit status
   * @param out what it printed, errors included
   * @param made what it is for: the contents that a user looks at, without seconds
   */
  record Done(int status, String out, String made) {
    JsonNode json() {
      return JsonMapper.shared().readTree(Call.last(out));
    }
  }

  /**
   * An option with the words of the call without it and with it, and what must come of it.
   *
   * @param before the words that both calls have, besides those that every call has
   * @param change the words that the second call has besides
   */
  record Case(String option, String before, String change, BiConsumer<Done, Done> check) {}

  /** The words that name the command. */
  abstract String command();

  /** Calls the command with these words, besides those that every call has. */
  abstract Done run(List<String> words) throws Exception;

  /** A case for every option. */
  abstract List<Case> cases() throws Exception;

  /** The result is another. */
  static Case differs(String option, String before, String value) {
    return new Case(option, before, option + " " + value, (without, with) -> {
      assertEquals(0, without.status, without.out);
      assertEquals(0, with.status, with.out);
      assertNotEquals(without.made, with.made);
    });
  }

  /** The result is the same: the option changes the speed alone. */
  static Case same(String option, String before, String value) {
    return new Case(option, before, option + " " + value, (without, with) -> {
      assertEquals(0, with.status, with.out);
      assertEquals(without.made, with.made);
    });
  }

  /** The call with the option is looked at. */
  static Case shows(String option, String before, String value, Consumer<Done> look) {
    return new Case(option, before, option + " " + value, (without, with) -> {
      assertEquals(0, with.status, with.out);
      look.accept(with);
    });
  }

  /** The call without the option is refused with this message, the call with it is not. */
  static Case needed(String option, String before, String value, String message) {
    return new Case(option, before, option + " " + value, (without, with) -> {
      assertEquals(2, without.status, without.out);
      assertTrue(without.out.contains(message), without.out);
      assertEquals(0, with.status, with.out);
    });
  }

  @AfterEach
  void asUsual() {
    Precision.USUAL.use(); // a command says it for the whole process
  }

  @Test
  void everyOptionHasACase() throws Exception {
    CommandLine line = new CommandLine(new Main());
    for (String word : command().split(" ")) {
      line = line.getSubcommands().get(word);
    }
    Set<String> options = line.getCommandSpec().options().stream().map(OptionSpec::longestName)
        .filter(o -> !o.startsWith("--help") && !o.equals("--version")).collect(Collectors.toCollection(TreeSet::new));
    assertEquals(options, cases().stream().map(Case::option).collect(Collectors.toCollection(TreeSet::new)));
  }

  @TestFactory
  Stream<DynamicTest> changedAloneItChangesWhatItShould() throws Exception {
    String only = System.getProperty("sphere.test.option"); // lab/run planted-bugs asks for one
    return cases().stream().filter(c -> only == null || c.option.equals(only)).map(c ->
        DynamicTest.dynamicTest((c.change + " after " + c.before).strip(), () -> {
      List<String> before = words(c.before);
      List<String> after = new ArrayList<>(before);
      after.addAll(words(c.change));
      c.check.accept(once(before), once(after));
    }));
  }

  private static List<String> words(String text) {
    return Stream.of(text.split(" ")).filter(w -> !w.isEmpty()).map(w -> w.replace('_', ' ')).toList();
  }

  private Done once(List<String> words) throws Exception {
    Done done = known.get(words);
    if (done == null) {
      done = run(words);
      known.put(words, done);
    }
    return done;
  }

  /** Runs the command with these words; what it printed, and nothing made yet. */
  final Done call(List<String> words) {
    StringWriter text = new StringWriter();
    CommandLine line = new CommandLine(new Main());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setOut(new PrintWriter(text));
    line.setErr(new PrintWriter(text));
    line.setExecutionExceptionHandler((e, command, parsed) -> {
      command.getErr().println(e.getMessage() == null ? e.toString() : e.getMessage());
      return e instanceof RuntimeException ? 2 : 1;
    });
    List<String> all = new ArrayList<>(List.of(command().split(" ")));
    all.addAll(words);
    int status = line.execute(all.toArray(String[]::new));
    return new Done(status, text.toString(), "");
  }

  /** What a file holds; empty where there is none. */
  static String content(Path file) {
    try {
      return Files.exists(file) ? Files.readString(file) : "";
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
