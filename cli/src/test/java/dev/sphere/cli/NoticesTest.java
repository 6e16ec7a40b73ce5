package dev.sphere.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every library on the class path is either named, with its licence, in THIRD-PARTY.md, or is a test's or the compiler's own. */
class NoticesTest {
  private static final Set<String> NOT_BUNDLED = Set.of("/org/junit/", "/org/opentest4j/", "/org/apiguardian/",
      "/org/jspecify/", "/org/apache/maven/", "/io/soabase/", "/axe-core/");

  @Test
  void everyBundledLibraryIsNamed() throws IOException {
    String notices;
    try (var in = NoticesTest.class.getResourceAsStream("/META-INF/THIRD-PARTY.md")) {
      notices = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    List<String> unnamed = new ArrayList<>();
    int seen = 0;
    for (String entry : jars()) {
      String artifact = Path.of(entry).getParent().getParent().getFileName().toString();
      seen++;
      if (!notices.matches("(?s).*[ |\n]" + artifact.replace(".", "\\.") + "[ ,].*")) {
        unnamed.add(entry);
      }
    }
    assertFalse(seen == 0, "no library on the class path: this test looked at nothing");
    assertEquals(List.of(), unnamed, "name these in THIRD-PARTY.md, with licence and copyright");
  }

  private static List<String> jars() {
    return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(e -> e.contains("/repository/") && e.endsWith(".jar"))
        .filter(e -> NOT_BUNDLED.stream().noneMatch(e::contains))
        .toList();
  }
}
