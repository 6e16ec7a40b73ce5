package dev.sphere.web.studio;

import dev.sphere.web.Query;
import dev.sphere.web.studio.ProblemRow.Log;
import dev.sphere.web.studio.Runs.Entry;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.json.JsonMapper;

/**
 * Server-sent events for a page, until its browser goes away: {@code runs} of all runs; {@code run} of a search, and of
 * one of its problems the new records of its trees and stages ({@code tree}, {@code stages}); of a training the new
 * lines of its metrics ({@code metrics}), whose ids are the next line's place in the file, and {@code again} when the
 * file was written anew; {@code changed} of everything else.
 */
final class StudioEvents {
  /** Files are looked at for news once in so many ms. */
  private static final long PULSE = 500;

  /** All runs are looked at once in so many pulses. */
  private static final int RUNS_EVERY = 4;

  /** A line to the browser at the latest after so many pulses, so that one that went away is noticed. */
  private static final int BEAT = 10;

  private static final byte[] NOTHING = "{}".getBytes(StandardCharsets.US_ASCII);

  private final StudioApi api;
  private final OutputStream out;
  private boolean sent;

  StudioEvents(StudioApi api, OutputStream out) {
    this.api = api;
    this.out = out;
  }

  /** Looks for news, and sends them. */
  @FunctionalInterface
  private interface Source {
    void look() throws IOException;
  }

  void follow(Query query, Optional<String> lastId) throws IOException {
    Source source = source(query, lastId);
    int quiet = 0;
    try {
      while (!Thread.currentThread().isInterrupted()) {
        sent = false;
        source.look();
        quiet = sent ? 0 : quiet + 1;
        if (quiet >= BEAT) {
          quiet = 0;
          out.write(": still here\n\n".getBytes(StandardCharsets.US_ASCII));
        }
        out.flush();
        Thread.sleep(PULSE);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the server ends
    } catch (RuntimeException e) {
      send("gone", "", json(Map.of("error", String.valueOf(e.getMessage()))));
    }
  }

  private Source source(Query query, Optional<String> lastId) {
    if (query.text("run").isEmpty()) {
      return allRuns();
    }
    Entry entry = api.known().find(query.text("run"));
    return switch (entry.kind()) {
      case SEARCH -> query.text("problem").isEmpty() ? search(entry) : problem(entry, query);
      case TRAIN -> metrics(entry.path().resolve("metrics.jsonl"), lastId.filter(id -> id.matches("\\d{1,15}"))
          .map(Long::parseLong).orElseGet(() -> (long) query.number("from", 0)));
      case EVAL, EVOLVE -> changes(entry.path());
    };
  }

  private Source allRuns() {
    byte[][] last = {{}};
    int[] pulse = {0};
    return () -> {
      if (pulse[0]++ % RUNS_EVERY == 0) {
        byte[] now = json(api.runs());
        if (!Arrays.equals(now, last[0])) {
          send("runs", "", now);
          last[0] = now;
        }
      }
    };
  }

  private Source search(Entry entry) {
    long[] seen = {-1};
    return () -> {
      SearchIndex index = api.index(entry);
      long version = index.version();
      if (version != seen[0]) {
        seen[0] = version;
        send("run", "", json(StudioApi.live(index)));
      }
    };
  }

  private Source problem(Entry entry, Query query) {
    int[] known = {query.number("tree", 0), query.number("stages", 0)};
    return () -> {
      SearchIndex index = api.index(entry);
      ProblemRow row = index.row(query.text("problem"));
      for (byte[] line : index.lines(Log.TREE, row, known[0])) {
        known[0]++;
        send("tree", "", line);
      }
      for (byte[] line : index.lines(Log.STAGES, row, known[1])) {
        known[1]++;
        send("stages", "", line);
      }
    };
  }

  private Source metrics(Path file, long from) {
    long[] at = {from};
    return () -> {
      if (file.toFile().length() < at[0]) { // written anew from a checkpoint
        at[0] = 0;
        send("again", "0", NOTHING);
      }
      List<byte[]> lines = new ArrayList<>();
      at[0] = Tail.lines(file, at[0], lines);
      for (byte[] line : lines) {
        send("metrics", String.valueOf(at[0]), line);
      }
    };
  }

  private Source changes(Path path) {
    long[] seen = {0};
    return () -> {
      long now;
      try (Stream<Path> files = Files.walk(path, 2)) {
        now = files.mapToLong(f -> f.toFile().lastModified()).max().orElse(0);
      }
      if (seen[0] != 0 && now != seen[0]) {
        send("changed", "", NOTHING);
      }
      seen[0] = now;
    };
  }

  private static byte[] json(Object value) {
    return JsonMapper.shared().writeValueAsBytes(value);
  }

  private void send(String name, String id, byte[] data) throws IOException {
    String line = new String(data, StandardCharsets.UTF_8);
    if (line.indexOf('\n') >= 0 || line.indexOf('\r') >= 0) {
      throw new IllegalStateException("an event's data must be one line");
    }
    out.write(("event: " + name + "\n" + (id.isEmpty() ? "" : "id: " + id + "\n") + "data: " + line + "\n\n")
        .getBytes(StandardCharsets.UTF_8));
    sent = true;
  }
}
