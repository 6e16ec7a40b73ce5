package dev.sphere.lab.planted;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The tables of planted bugs fit the sources. Whether tests notice the bugs is for {@code lab/run planted-bugs} to say. */
class PlantedTablesTest {
  private static final Path TOP = Path.of("..");

  @Test
  void everyPlantedTextIsFoundAndHasATest() throws IOException {
    List<String> stale = new ArrayList<>();
    for (Path table : PlantedBugs.tables(TOP.resolve("lab/planted"))) {
      for (PlantedBugs.Bug bug : PlantedBugs.read(table)) {
        try {
          bug.planted(TOP);
        } catch (IOException | IllegalArgumentException e) {
          stale.add(bug.name() + ": " + e);
        }
        for (Map.Entry<String, Set<String>> of : bug.tests().entrySet()) {
          if (PlantedBugs.names(TOP, of.getKey(), of.getValue()).isEmpty()) {
            stale.add(bug.name() + ": " + of.getKey() + " has none of the tests " + of.getValue());
          }
        }
      }
    }
    assertEquals("", String.join("\n", stale));
  }
}
