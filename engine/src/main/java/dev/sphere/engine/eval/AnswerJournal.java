package dev.sphere.engine.eval;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * An evaluation that is being written. While it runs, answers stand in {@code FILE.part}: a first line that says what they
 * are made from, then the answers of each problem as it is done, in one write. At the end {@code FILE} appears with the
 * answers in the order of the problems and the journal goes. One that was broken off is taken up with its journal; a
 * torn last line and a problem with too few answers are asked again.
 */
public final class AnswerJournal implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.shared();

  private final Path file;
  private final Path part;
  private final Map<String, List<Answered>> known;
  private final BufferedWriter out;

  private AnswerJournal(Path file, Path part, Map<String, List<Answered>> known, BufferedWriter out) {
    this.file = file;
    this.part = part;
    this.known = known;
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
      if (Files.exists(part)) {
        if (!resume) {
          throw new IllegalArgumentException("writing answers to " + file + ": " + part + " holds the answers of an "
              + "evaluation that was broken off; go on with --resume, or remove it");
        }
        known.putAll(read(part, identity, perProblem));
      }
      // Written anew, so that a torn line goes.
      Path fresh = part.resolveSibling(part.getFileName() + ".new");
      try (BufferedWriter w = Files.newBufferedWriter(fresh)) {
        w.write(JSON.writeValueAsString(Map.of("evaluation", identity)) + "\n");
        for (List<Answered> answers : known.values()) {
          w.write(lines(answers));
        }
      }
      Files.move(fresh, part, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
      BufferedWriter out = Files.newBufferedWriter(part, StandardOpenOption.APPEND);
      return new AnswerJournal(file, part, known, out);
    } catch (IOException e) {
      throw new UncheckedIOException("writing answers to " + part + ": " + e.getMessage(), e);
    }
  }

  /** Where the journal of a file stands. */
  public static Path part(Path file) {
    return file.resolveSibling(file.getFileName() + ".part");
  }

  private static Map<String, List<Answered>> read(Path part, Map<String, String> identity, int perProblem)
      throws IOException {
    Map<String, List<Answered>> byProblem = new LinkedHashMap<>();
    // A killed process may leave half a character at the end.
    String[] lines = new String(Files.readAllBytes(part), StandardCharsets.UTF_8).split("\n");
    JsonNode header = json(lines[0]);
    if (header == null || !header.path("evaluation").isObject()) {
      throw new IllegalArgumentException(part + " is no journal of an evaluation; remove it");
    }
    for (Map.Entry<String, String> e : identity.entrySet()) {
      String was = header.path("evaluation").path(e.getKey()).asString("");
      if (!Objects.equals(was, e.getValue())) {
        throw new IllegalArgumentException("resuming " + part + ": its " + e.getKey() + " is " + was + ", now it is "
            + e.getValue() + "; use the same settings, or remove it");
      }
    }
    for (int i = 1; i < lines.length; i++) {
      JsonNode row = json(lines[i]);
      if (row == null) {
        if (i < lines.length - 1) {
          throw new IllegalArgumentException("resuming " + part + ", line " + (i + 1) + ": no JSON; remove the file");
        }
        break;
      }
      Answered a = JSON.treeToValue(row, Answered.class);
      byProblem.computeIfAbsent(a.problemId(), k -> new ArrayList<>()).add(a);
    }
    byProblem.values().removeIf(answers -> answers.size() != perProblem);
    return byProblem;
  }

  private static JsonNode json(String line) {
    try {
      return JSON.readTree(line);
    } catch (JacksonException e) {
      return null;
    }
  }

  private static String lines(List<Answered> answers) {
    return answers.stream().map(a -> JSON.writeValueAsString(a) + "\n").collect(Collectors.joining());
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
