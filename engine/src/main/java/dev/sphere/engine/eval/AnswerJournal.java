package dev.sphere.engine.eval;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.store.CheckedLines;
import dev.sphere.engine.store.Damaged;
import dev.sphere.engine.store.Finding;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * An evaluation that is being written. While it runs, answers stand in {@code FILE.part}: a first line that says what
 * they are made from, then the answers of each problem as it is done, in one write. At the end {@code FILE} appears with
 * the answers in the order of the problems and the journal goes. One that was broken off is taken up with its journal:
 * each line carries its checksum, what is damaged is kept aside ({@link Damaged}), and a problem that lacks an answer is
 * asked again.
 */
public final class AnswerJournal implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final String HEADLESS =
      "its first line, which says what the answers are made from, is damaged or missing";
  private static final String HEADLESS_ADVICE =
      "bring the file back from a copy, or move it away to ask everything again";

  private final Path file;
  private final Path part;
  private final Map<String, List<Answered>> known;
  private final List<Finding> findings;
  private final BufferedWriter out;

  private AnswerJournal(
      Path file, Path part, Map<String, List<Answered>> known, List<Finding> findings, BufferedWriter out) {
    this.file = file;
    this.part = part;
    this.known = known;
    this.findings = findings;
    this.out = out;
  }

  /**
   * Opens the journal of {@code file}.
   *
   * @param identity what the answers are made from: model, prompts, sampling, seed, problems
   * @param perProblem answers that a problem must have to count as done
   * @param resume take up a journal that is there; false refuses it
   * @throws IllegalArgumentException when a journal is there and must not or cannot be taken up
   */
  public static AnswerJournal open(Path file, Map<String, String> identity, int perProblem, boolean resume) {
    Path part = part(file);
    try {
      Map<String, List<Answered>> known = new LinkedHashMap<>();
      List<Finding> findings = new ArrayList<>();
      if (Files.exists(part)) {
        if (!resume) {
          throw new IllegalArgumentException("writing answers to " + file + ": " + part + " holds the answers of an "
              + "evaluation that was broken off; go on with --resume, or remove it");
        }
        Content content = read(part);
        refuseOthers(part, content.header, identity);
        known.putAll(byProblem(content, part, perProblem));
        findings.addAll(content.findings);
        if (!findings.isEmpty()) {
          Damaged.copy(part);
        }
      }
      // Written anew, so that damaged lines go.
      AtomicFile.write(part, w -> {
        w.write(line(Map.of("evaluation", identity)).getBytes(StandardCharsets.UTF_8));
        for (List<Answered> answers : known.values()) {
          w.write(lines(answers).getBytes(StandardCharsets.UTF_8));
        }
      });
      BufferedWriter out = Files.newBufferedWriter(part, StandardOpenOption.APPEND);
      return new AnswerJournal(file, part, known, findings, out);
    } catch (IOException e) {
      throw new UncheckedIOException("writing answers to " + part + ": " + e.getMessage(), e);
    }
  }

  /** Where the journal of a file stands. */
  public static Path part(Path file) {
    return file.resolveSibling(file.getFileName() + ".part");
  }

  /** What a journal holds. */
  private static final class Content {
    JsonNode header;
    boolean checked; // its lines carry checksums; those of older versions did not
    final List<Answered> answers = new ArrayList<>();
    final List<Finding> findings = new ArrayList<>();
  }

  private static Content read(Path part) {
    Content content = new Content();
    CheckedLines.read(part, (number, from, to, object, ended) -> {
      JsonNode row = object != null ? JSON.readTree(object) : content.checked ? null : unchecked(part, from, to);
      if (number == 1) {
        content.header = row != null && row.path("evaluation").isObject() ? row.path("evaluation") : null;
        content.checked = object != null;
        return;
      }
      try {
        Answered answer = row == null ? null : JSON.treeToValue(row, Answered.class);
        if (answer != null && answer.problemId() != null && answer.text() != null) {
          content.answers.add(answer);
          return;
        }
      } catch (JacksonException e) {
        // no answer, which is said below
      }
      content.findings.add(Finding.mended(part, number, ended ? "damaged" : "cut off in the middle",
          "left out, its problem is asked again"));
    });
    return content;
  }

  /** A line of a version that wrote no checksums; null when it has one, which did not fit, or is no JSON. */
  private static JsonNode unchecked(Path part, long from, long to) {
    try (RandomAccessFile in = new RandomAccessFile(part.toFile(), "r")) {
      byte[] line = new byte[Math.toIntExact(to - from)];
      in.seek(from);
      in.readFully(line);
      JsonNode row = JSON.readTree(line);
      return row.isObject() && !row.has("crc") ? row : null;
    } catch (JacksonException | ArithmeticException e) {
      return null;
    } catch (IOException e) {
      throw new UncheckedIOException("reading " + part + ": " + e.getMessage(), e);
    }
  }

  /**
   * What taking up the journal of a file would find missing or damaged; changes nothing.
   *
   * @throws IllegalArgumentException when there is no journal
   */
  public static List<Finding> check(Path file) {
    Path part = part(file);
    if (!Files.exists(part)) {
      throw new IllegalArgumentException("there is no journal of an evaluation at " + part);
    }
    Content content = read(part);
    if (content.header == null) {
      return List.of(Finding.refused(part, HEADLESS, HEADLESS_ADVICE));
    }
    byProblem(content, part, 0);
    return content.findings;
  }

  /** The answers of each problem that has all of them, the greedy one first. */
  private static Map<String, List<Answered>> byProblem(Content content, Path part, int perProblem) {
    Map<String, Map<Integer, Answered>> bySample = new LinkedHashMap<>();
    Set<String> contradicting = new LinkedHashSet<>();
    for (Answered a : content.answers) {
      Answered first = bySample.computeIfAbsent(a.problemId(), id -> new TreeMap<>()).putIfAbsent(a.sample(), a);
      if (first != null && !first.equals(a)) {
        contradicting.add(a.problemId());
      }
    }
    for (String id : contradicting) {
      content.findings.add(Finding.mended(part, 0, "two answers to problem " + id + " contradict each other",
          "asked again"));
      bySample.remove(id);
    }
    Map<String, List<Answered>> whole = new LinkedHashMap<>();
    bySample.forEach((id, answers) -> {
      if (answers.size() == perProblem) {
        whole.put(id, List.copyOf(answers.values()));
      }
    });
    return whole;
  }

  private static void refuseOthers(Path part, JsonNode header, Map<String, String> identity) {
    if (header == null) {
      throw new IllegalArgumentException(part + ": " + HEADLESS + "; " + HEADLESS_ADVICE);
    }
    for (Map.Entry<String, String> e : identity.entrySet()) {
      String was = header.path(e.getKey()).asString("");
      if (!Objects.equals(was, e.getValue())) {
        throw new IllegalArgumentException("resuming " + part + ": its " + e.getKey() + " is " + was + ", now it is "
            + e.getValue() + "; use the same settings, or remove it");
      }
    }
  }

  private static String lines(List<Answered> answers) {
    return answers.stream().map(AnswerJournal::line).collect(Collectors.joining());
  }

  private static String line(Object content) {
    return new String(CheckedLines.frame(JSON.writeValueAsBytes(content)), StandardCharsets.UTF_8);
  }

  /** What was damaged and is asked again. */
  public List<Finding> findings() {
    return List.copyOf(findings);
  }

  /** The answers that were there, by problem id. */
  public Map<String, List<Answered>> known() {
    return Map.copyOf(known);
  }

  /** Writes down a problem's answers. */
  public void add(List<Answered> answers) {
    try {
      out.write(lines(answers));
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException("writing answers to " + part + ": " + e.getMessage(), e);
    }
  }

  /** Writes the file itself and removes the journal. */
  public void finish(List<Answered> inOrder) {
    AnswerFile.write(file, inOrder);
    try {
      out.close();
      Files.deleteIfExists(part);
    } catch (IOException e) {
      throw new UncheckedIOException("removing " + part + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw new UncheckedIOException("closing " + part + ": " + e.getMessage(), e);
    }
  }
}
