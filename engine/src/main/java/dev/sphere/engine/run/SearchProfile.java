package dev.sphere.engine.run;

import dev.sphere.base.PlainFile;
import java.io.IOException;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import jdk.jfr.Configuration;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/**
 * Where a search's time goes: a flight recording of this JVM (Java's own sampling profiler and Sphere's events: decode,
 * sample, compact, idle, grade, store), and a summary that is computed from it.
 *
 * <p>The rollout loops' threads are the measure: their time is prefill, decode, sampling, moving the cache, idle, or
 * the rest, which is the loop's own bookkeeping. A micro-batch that held both kinds of tokens is split by their number.
 * Grading and the store work on the problems' threads, beside the loops.
 */
public final class SearchProfile implements AutoCloseable {
  private static final String[] EVENTS = {"Decode", "Sample", "Compact", "Idle", "Grade", "Store"};

  /**
   * A kind of work.
   *
   * @param name what
   * @param seconds of all threads that did it together
   * @param events how often
   * @param amount tokens or bytes, by kind
   */
  public record Part(String name, double seconds, long events, long amount) {}

  /**
   * The figures of a recording.
   *
   * @param loops threads that computed, one a rollout loop
   * @param loading seconds until the first token was computed
   * @param wall seconds from then to the end
   * @param loopParts prefill, decode, sampling, cache, idle, bookkeeping; together loops x wall
   * @param besideParts grading, store
   */
  public record Summary(int loops, double loading, double wall, List<Part> loopParts, List<Part> besideParts) {
    /** Share of the loops' time. */
    public double share(Part part) {
      return loops * wall == 0 ? 0 : part.seconds() / (loops * wall);
    }

    /** For people. */
    public List<String> lines() {
      List<String> lines = new ArrayList<>();
      lines.add(String.format(Locale.ROOT, "where the time went: %d rollout loop%s, %.1f s after %.1f s of loading",
          loops,
          loops == 1 ? "" : "s", wall, loading));
      for (Part p : loopParts) {
        String amount = p.amount() == 0 ? "" : String.format(Locale.ROOT, "  %,12d tokens", p.amount());
        lines.add(String.format(Locale.ROOT, "  %-12s %5.1f %%  %8.2f s%s", p.name(), 100 * share(p), p.seconds(),
            amount));
      }
      for (Part p : besideParts) {
        lines.add(String.format(Locale.ROOT, "  beside: %-9s %8.2f s  %,12d times", p.name(), p.seconds(), p.events()));
      }
      return lines;
    }

    /** For JSON. */
    public Map<String, Object> toMap() {
      Map<String, Object> all = new LinkedHashMap<>();
      all.put("loops", loops);
      all.put("loading_seconds", loading);
      all.put("wall_seconds", wall);
      Map<String, Object> shares = new LinkedHashMap<>();
      loopParts.forEach(p -> shares.put(p.name(), share(p)));
      all.put("shares", shares);
      Map<String, Object> beside = new LinkedHashMap<>();
      besideParts.forEach(p -> beside.put(p.name() + "_seconds", p.seconds()));
      all.put("beside", beside);
      return all;
    }
  }

  private final Recording recording;
  private final Path file;
  private final Instant begun;

  private SearchProfile(Recording recording, Path file) {
    this.recording = recording;
    this.file = file;
    this.begun = Instant.now();
  }

  /**
   * Begins to record.
   *
   * @param file what {@link #stop} writes
   */
  public static SearchProfile start(Path file) {
    try {
      PlainFile.exists(file);
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot write the profile: " + e.getMessage(), e);
    }
    try {
      Recording recording = new Recording(Configuration.getConfiguration("profile"));
      recording.setName("sphere search");
      for (String event : EVENTS) {
        recording.enable("dev.sphere." + event).withThreshold(Duration.ZERO);
      }
      recording.start();
      return new SearchProfile(recording, file);
    } catch (IOException | ParseException | IllegalStateException e) {
      throw new IllegalStateException("cannot record a profile: this Java has no flight recorder (" + e.getMessage()
          + ")", e);
    }
  }

  /** Ends the recording, writes the file and reads it again. */
  public Summary stop() {
    try {
      Instant end = Instant.now();
      recording.stop();
      recording.dump(file);
      return summary(file, begun, end);
    } catch (IOException e) {
      throw new IllegalStateException("cannot write the profile " + file + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    recording.close();
  }

  static Summary summary(Path file, Instant begun, Instant end) throws IOException {
    Set<String> loops = new HashSet<>(); // threads that computed tokens
    Map<String, Part> parts = new HashMap<>();
    Instant first = end;
    List<RecordedEvent> waits = new ArrayList<>();
    try (RecordingFile recorded = new RecordingFile(file)) {
      while (recorded.hasMoreEvents()) {
        RecordedEvent e = recorded.readEvent();
        double took = e.getDuration().toNanos() / 1e9;
        switch (e.getEventType().getName().replaceFirst("^dev\\.sphere\\.", "")) {
          case "Decode" -> {
            loops.add(thread(e));
            first = e.getStartTime().isBefore(first) ? e.getStartTime() : first;
            int tokens = e.getInt("tokens");
            int drawing = e.getInt("outputs");
            add(parts, "prefill", took * (tokens - drawing) / Math.max(1, tokens), tokens - drawing);
            add(parts, "decode", took * drawing / Math.max(1, tokens), drawing);
          }
          case "Sample" -> add(parts, "sampling", took, e.getInt("draws"));
          case "Compact" -> add(parts, "cache", took, 0);
          case "Idle" -> waits.add(e);
          case "Grade" -> add(parts, "grading", took, 0);
          case "Store" -> add(parts, "store", took, e.getInt("bytes"));
          default -> { }
        }
      }
    }
    for (RecordedEvent e : waits) { // waiting that began before the first token counts from there
      Instant from = e.getStartTime().isBefore(first) ? first : e.getStartTime();
      if (loops.contains(thread(e)) && e.getEndTime().isAfter(from)) {
        add(parts, "idle", Duration.between(from, e.getEndTime()).toNanos() / 1e9, 0);
      }
    }
    double wall = Duration.between(first, end).toNanos() / 1e9;
    List<Part> loopParts = new ArrayList<>(of(parts, "prefill", "decode", "sampling", "cache", "idle"));
    double known = loopParts.stream().mapToDouble(Part::seconds).sum();
    loopParts.add(new Part("bookkeeping", Math.max(0, loops.size() * wall - known), 0, 0));
    return new Summary(loops.size(), Duration.between(begun, first).toNanos() / 1e9, wall, loopParts,
        of(parts, "grading", "store"));
  }

  private static String thread(RecordedEvent e) {
    return e.getThread() == null ? "" : e.getThread().getJavaName() + '/' + e.getThread().getJavaThreadId();
  }

  private static void add(Map<String, Part> parts, String name, double seconds, long amount) {
    parts.merge(name, new Part(name, seconds, 1, amount),
        (a, b) -> new Part(name, a.seconds + b.seconds, a.events + 1, a.amount + b.amount));
  }

  private static List<Part> of(Map<String, Part> parts, String... names) {
    return Stream.of(names).map(name -> parts.getOrDefault(name, new Part(name, 0, 0, 0))).toList();
  }
}
