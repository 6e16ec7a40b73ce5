package dev.sphere.engine.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Policy.Message;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Whatever a template says, a rendering ends in a text or in an error that names the reason. */
class HostileTemplatesTest {
  private static final List<Message> DIALOGUE = List.of(
      new Message("system", "Be brief."), new Message("user", "Größe 😀"), new Message("assistant", "a\nb"));

  @TempDir Path folder;

  @Test
  void everyEscapeAndEveryBombIsRefusedInASmallProcess() throws Exception {
    int all = HostileTemplates.escapes().size() + HostileTemplates.bombs().size();
    assertTrue(all >= 150, "only " + all);
    Path out = folder.resolve("out.txt");
    Process child = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx128m", "-XX:+UseSerialGC",
            "-cp", System.getProperty("java.class.path"), HostileTemplates.class.getName())
        .redirectErrorStream(true).redirectOutput(out.toFile()).start();
    try {
      assertTrue(child.waitFor(5, TimeUnit.MINUTES), () -> "it does not end: " + tail(out));
    } finally {
      child.destroyForcibly();
    }
    assertEquals(0, child.exitValue(), () -> tail(out));
    List<String> lines = Files.readAllLines(out);
    assertEquals(List.of(), lines.stream().filter(l -> !l.startsWith("REFUSED ")).toList());
    assertEquals(all, lines.size());
  }

  private static String tail(Path file) {
    try {
      List<String> lines = Files.readAllLines(file);
      return String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size()));
    } catch (java.io.IOException e) {
      return e.toString();
    }
  }

  /** Templates put together from pieces, and good ones with pieces swapped, doubled and cut. */
  @Test
  void noSoupOfTokensGivesAnythingButTextOrARefusal() throws Exception {
    List<String> good = new ArrayList<>();
    for (JsonNode c : TemplateTest.cases()) {
      good.add(c.get("template").asString());
    }
    String[] words = ("{{ }} {% %} {%- -%} {# #} if else elif endif for in endfor set endset macro endmacro call endcall filter "
        + "endfilter with endwith raw endraw break continue generation endgeneration is not and or none true f x m messages "
        + "loop loop.index namespace range dict caller varargs ( ) [ ] { } , : . | ~ + - * / // % ** == != < <= > >= = 0 1 -1 "
        + "1.5 9223372036854775807 'a' '' \"b\" '%s' '{}' upper trim tojson join(',') map('upper') map(attribute='role') "
        + "selectattr('role') sort list length first last default('x') int float round(1) indent(2) replace('a','') split() "
        + "strip() items() get('role') [::-1] [1:] [-1] .content ['content'] .format(1) defined string mapping iterable \n ' ' "
        + "😀 \ud800 é \\ ' \"").split(" ");
    SplittableRandom random = new SplittableRandom(12);
    int texts = 0;
    for (int i = 0; i < 20_000; i++) {
      StringBuilder source = new StringBuilder();
      if (i % 2 == 0) {
        for (int k = random.nextInt(1, 25); k > 0; k--) {
          source.append(words[random.nextInt(words.length)]).append(random.nextInt(3) == 0 ? "" : " ");
        }
      } else {
        source.append(good.get(random.nextInt(good.size()))).append(good.get(random.nextInt(good.size())));
        for (int k = random.nextInt(1, 5); k > 0 && !source.isEmpty(); k--) {
          int at = random.nextInt(source.length());
          int to = Math.min(source.length(), at + random.nextInt(6));
          String word = words[random.nextInt(words.length)];
          switch (random.nextInt(4)) {
            case 0 -> source.delete(at, to);
            case 1 -> source.insert(at, word);
            case 2 -> source.insert(at, source.substring(at, to));
            default -> source.replace(at, to, word);
          }
        }
      }
      try {
        TemplateTest.render(source.toString(), DIALOGUE);
        texts++;
      } catch (TemplateException e) {
        assertTrue(e.getMessage().startsWith("line ") || e.getMessage().startsWith("the template"), e.getMessage());
      } catch (RuntimeException | StackOverflowError e) {
        throw new AssertionError(source.toString(), e);
      }
    }
    assertTrue(texts > 1000, "only " + texts);
  }
}
