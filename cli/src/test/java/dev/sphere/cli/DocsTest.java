package dev.sphere.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.grade.AnswerGrader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What the docs tell people to type exists: commands, their flags, flags that are named alone, examples in Java, verdicts. */
class DocsTest {
  private static final Path TOP = Path.of("").toAbsolutePath().getParent();
  /** A command line, up to a comment, another command, or the end of the code. */
  private static final Pattern CALL = Pattern.compile("(?:\\./)?sphere((?: --(?:cuda|cpu))? [a-z][^#`&|;)\n]*)");
  private static final Pattern FLAG = Pattern.compile("(?<![\\w-])--[a-z][a-z0-9-]*");
  private static final Pattern JAVA = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
  private static final Pattern CODE = Pattern.compile("`([^`\n]+)`");
  /** Flags in the docs that are another program's: the launcher's, llama.cpp's, scripts', CMake's, the JVM's. */
  private static final Set<String> OTHERS = Set.of(
      "--cuda", "--cpu", "--lora", "--pack", "--tasks", "--prebuilt", "--update", "--test", "--build", "--logdir", "--shape",
      "--dtype", "--twice", "--source-only", "--enable-native-access", "--master", "--conf", "--files", "--jars", "--class", "--driver-memory", "--array",
      "--trees", "--step", "--rows", "--vocabulary", "--tokens"); // of lab/run bench

  private final CommandLine sphere = new CommandLine(new Main());

  @Test
  void everyCommandInTheDocsExistsWithItsFlags() throws IOException {
    List<String> wrong = new ArrayList<>();
    int calls = 0;
    for (Path file : docs()) {
      String text = Files.readString(file).replace("\\\n", " ");
      for (String code : code(text)) {
        Matcher call = CALL.matcher(code);
        while (call.find()) {
          calls++;
          String problem = problem(call.group(1));
          if (problem != null) {
            wrong.add(TOP.relativize(file) + ": sphere" + call.group(1) + ": " + problem);
          }
        }
      }
    }
    assertEquals(List.of(), wrong);
    assertTrue(calls > 60, "only " + calls + " command lines were found in the docs");
  }

  @Test
  void everyFlagInTheDocsIsSomeCommands() throws IOException {
    Set<String> known = new HashSet<>(OTHERS);
    addFlags(sphere, known);
    List<String> wrong = new ArrayList<>();
    for (Path file : docs()) {
      for (String code : code(Files.readString(file))) {
        Matcher flag = FLAG.matcher(code);
        while (flag.find()) {
          if (!known.contains(flag.group())) {
            wrong.add(TOP.relativize(file) + ": " + flag.group());
          }
        }
      }
    }
    assertEquals(List.of(), wrong);
  }

  /** Each gold answer of a row with each prediction; as many verdicts as predictions, or one for all. */
  @Test
  void theTableOfAnswersIsWhatTheGraderSays() throws IOException {
    AnswerGrader grader = new AnswerGrader();
    List<String> wrong = new ArrayList<>();
    int compared = 0;
    for (String line : Files.readAllLines(TOP.resolve("docs/explanation/grading.md"))) {
      String[] cells = line.split("(?<!\\\\)\\|");
      if (!line.startsWith("| `") || cells.length != 5) {
        continue;
      }
      List<String> predictions = CODE.matcher(cells[2]).results().map(m -> m.group(1)).toList();
      String[] verdicts = cells[3].strip().split(", ");
      for (String gold : CODE.matcher(cells[1]).results().map(m -> m.group(1)).toList()) {
        for (int i = 0; i < predictions.size(); i++) {
          boolean equal = verdicts[verdicts.length == 1 ? 0 : i].equals("equal");
          compared++;
          if (grader.grade(gold, predictions.get(i)).equal() != equal) {
            wrong.add(gold + " beside " + predictions.get(i) + " is not " + cells[3].strip());
          }
        }
      }
    }
    assertEquals(List.of(), wrong);
    assertTrue(compared > 60, "only " + compared + " answers were found in the table");
  }

  @Test
  void theJavaExamplesCompile(@TempDir Path folder) throws IOException {
    List<String> sources = new ArrayList<>();
    for (Path file : docs()) {
      Matcher block = JAVA.matcher(Files.readString(file));
      while (block.find()) {
        String name = "Example" + sources.size();
        String imports = String.join("\n", block.group(1).lines().filter(l -> l.startsWith("import ")).toList());
        String body = String.join("\n", block.group(1).lines().filter(l -> !l.startsWith("import ")).toList());
        Path source = folder.resolve(name + ".java");
        Files.writeString(source, imports + "\nclass " + name + " { void run() throws Exception {\n" + body + "\n} }\n");
        sources.add(source.toString());
      }
    }
    assertTrue(sources.size() >= 2, "only " + sources.size() + " examples in Java were found in the docs");
    List<String> arguments = new ArrayList<>(List.of("-d", folder.toString(), "-proc:none", "-cp",
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))));
    arguments.addAll(sources);
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    int status = ToolProvider.getSystemJavaCompiler().run(null, said, said, arguments.toArray(String[]::new));
    assertEquals(0, status, said::toString);
  }

  /** What is wrong with the words after {@code sphere}; null when nothing is. */
  private String problem(String words) {
    CommandLine command = sphere;
    for (String word : words.trim().split("\\s+")) {
      if (word.startsWith("--")) {
        String flag = word.replaceAll("[=\\[,.\"].*", "");
        if (!OTHERS.contains(flag) && !flags(command).contains(flag)) {
          return command.getCommandName() + " has no " + flag;
        }
      } else if (command.getCommandName().equals("eval") && word.equals("prm")) {
        command = command.getSubcommands().getOrDefault("prm", sphere.getSubcommands().get("eval-prm"));
      } else if (command.getSubcommands().containsKey(word)) {
        command = command.getSubcommands().get(word);
      } else if (command == sphere && word.matches("[a-z-]+")) {
        return "there is no command " + word;
      }
    }
    return null;
  }

  private static Set<String> flags(CommandLine command) {
    return command.getCommandSpec().optionsMap().keySet();
  }

  private static void addFlags(CommandLine command, Set<String> flags) {
    flags.addAll(flags(command));
    command.getSubcommands().values().forEach(c -> addFlags(c, flags));
  }

  /** The code of a page: fenced and indented lines, and what stands in backticks. */
  private static List<String> code(String text) {
    List<String> code = new ArrayList<>();
    boolean fenced = false;
    for (String line : text.split("\n")) {
      if (line.strip().startsWith("```")) {
        fenced = !fenced;
      } else if (fenced || line.startsWith("    ")) {
        code.add(line);
      } else {
        CODE.matcher(line).results().forEach(m -> code.add(m.group(1)));
      }
    }
    return code;
  }

  private static List<Path> docs() throws IOException {
    List<Path> files = new ArrayList<>(List.of(
        TOP.resolve("README.md"), TOP.resolve("CONTRIBUTING.md"), TOP.resolve("SECURITY.md"),
        TOP.resolve("lab/README.md"), TOP.resolve("lab/pytorch/README.md")));
    try (Stream<Path> all = Files.walk(TOP.resolve("docs"))) {
      all.filter(f -> f.toString().endsWith(".md")).sorted().forEach(files::add);
    }
    return files;
  }
}
