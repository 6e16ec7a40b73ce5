package dev.sphere.engine.data;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Damaged problem files give problems, or one error that names the file; nothing else, and never a hang. */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class ReaderFuzzTest {
  private static final List<String> SEEDS = List.of(
      "{\"question\":\"Two and two?\",\"answer\":\"2+2=4\\n#### 4\"}\n{\"problem\":\"x?\",\"solution\":\"so \\\\boxed{3}\",\"level\":3}\n",
      "[{\"question\":\"q1\",\"answer\":\"1,234\"},\n{\"question\":\"q2\",\"final_answer\":[\"$1$\",\"2\"],\"unit\":null}]",
      "{\"data\":[{\"query\":\"q\",\"response\":\"The answer is: 7\"},{\"id\":1,\"Problem\":\"p\",\"Answer\":2.50}]}",
      "question,answer,level\n\"a, b\"\"c\",\"1,234\",5\nq2,2,\n");
  private static final String[] NAMES = {"f.jsonl", "f.json", "f.json", "f.csv"};
  private static final String PIECES = "{}[]\",:\\\n\r\0 aé0-9.eE+nulltrue\u20ac\ud83d\ude00####\\boxed{";

  @TempDir Path dir;

  @Test
  void damagedTextFiles() throws IOException {
    SplittableRandom random = new SplittableRandom(5);
    int read = 0;
    int refused = 0;
    for (int n = 0; n < 600; n++) {
      int which = n % SEEDS.size();
      // DuckDB reads the csv files: fewer of them
      if (which == 3 && n % 24 != 3) {
        continue;
      }
      byte[] bytes = mutate(SEEDS.get(which).getBytes(StandardCharsets.UTF_8), random);
      Path file = dir.resolve(NAMES[which]);
      Files.write(file, bytes);
      for (ReadOptions options : List.of(ReadOptions.defaults(), ReadOptions.defaults().skippingBad())) {
        try {
          ProblemSet set = ProblemReader.read(file.toString(), options);
          assertFalse(set.problems().isEmpty());
          set.problems().forEach(p -> assertTrue(!p.answer().isBlank() && !p.question().isBlank()));
          read++;
        } catch (IllegalArgumentException | UncheckedIOException e) {
          assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
          refused++;
        }
      }
    }
    assertTrue(read > 60 && refused > 60, read + " read, " + refused + " refused");
  }

  @Test
  void damagedParquetFiles() throws IOException, SQLException {
    Path whole = dir.resolve("whole.parquet");
    try (Connection c = DriverManager.getConnection("jdbc:duckdb:"); Statement s = c.createStatement()) {
      s.execute("COPY (SELECT 'What is ' || i || ' and ' || i || '?' AS question, 'So #### ' || 2 * i AS answer "
          + "FROM range(200) t(i)) TO '" + whole + "' (FORMAT parquet)");
    }
    byte[] seed = Files.readAllBytes(whole);
    SplittableRandom random = new SplittableRandom(9);
    Path file = dir.resolve("damaged.parquet");
    int refused = 0;
    for (int n = 0; n < 100; n++) {
      byte[] b = seed.clone();
      for (int k = 1 + random.nextInt(3); k > 0; k--) {
        // every third damage hits the footer
        int at = random.nextInt(3) == 0 ? b.length - 1 - random.nextInt(Math.min(b.length, 400)) : random.nextInt(b.length);
        if (random.nextInt(3) == 0) {
          b = java.util.Arrays.copyOf(b, Math.max(1, at));
        } else {
          b[at] ^= (byte) (1 << random.nextInt(8));
        }
      }
      Files.write(file, b);
      try {
        assertFalse(ProblemReader.read(file.toString()).isEmpty());
      } catch (IllegalArgumentException | UncheckedIOException e) {
        assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
        refused++;
      }
    }
    assertTrue(refused > 50, refused + " refused");
  }

  private static byte[] mutate(byte[] seed, SplittableRandom random) {
    byte[] b = seed.clone();
    byte[] pieces = PIECES.getBytes(StandardCharsets.UTF_8);
    for (int k = 1 + random.nextInt(4); k > 0; k--) {
      int at = random.nextInt(b.length);
      switch (random.nextInt(4)) {
        case 0 -> b[at] = (byte) random.nextInt(256);
        case 1 -> b[at] = pieces[random.nextInt(pieces.length)];
        case 2 -> b = java.util.Arrays.copyOf(b, Math.max(1, at));
        default -> {
          byte[] longer = java.util.Arrays.copyOf(b, b.length + b.length - at);
          System.arraycopy(b, at, longer, b.length, b.length - at);
          b = longer;
        }
      }
    }
    return b;
  }

  @Test
  void deepAndLongInput() throws IOException {
    for (String hostile : List.of("[".repeat(200_000), "{\"a\":".repeat(100_000), "{\"question\":\"" + "x".repeat(3_000_000),
        "{\"question\":\"q\",\"answer\":\"" + "{".repeat(200_000) + "\"}", "{\"question\":\"q\",\"answer\":1e999999999}",
        "{\"question\":\"q\",\"answer\":" + "9".repeat(20_000) + "}", "\n".repeat(500_000), "\ufeff", "null", "[null,1]")) {
      Path file = dir.resolve("h.json");
      Files.writeString(file, hostile);
      try {
        ProblemReader.read(file.toString());
      } catch (IllegalArgumentException | UncheckedIOException e) {
        assertTrue(e.getMessage().contains("h.json"), e.getMessage());
      }
    }
  }
}
