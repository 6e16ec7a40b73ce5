package dev.sphere.engine.reward;

import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Problem;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.json.JsonMapper;

/**
 * Scores of a person's own program. It reads a line a solution, a JSON object with id, question, answer, metadata and
 * solution, and answers each with a line that holds a number in [0, 1]. It runs as one process, without a shell and with
 * the rights of this one. When it dies, takes too long or answers with something else, it is started anew and asked
 * again; a solution on which it fails twice has the score 0 and is named. Thread-safe: one solution at a time.
 */
public final class RewardCommand implements OutcomeReward, AutoCloseable {
  /** Solutions in a row on which the command may fail. */
  static final int MOST_FAILURES = 8;

  private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|(\\S+)");
  private static final int LONGEST = 1000; // characters of an answer: what a program prints without end is not kept
  private static final double RIGHT = 0.5;

  private final List<String> words;
  private final double seconds;
  private final Consumer<String> notes;
  private Process process;
  private BufferedReader answers;
  private Writer questions;
  private int failures;

  /**
   * A command that is not started yet.
   *
   * @param command a program and its arguments, parted by blanks; double quotes keep blanks together
   * @param seconds how long a solution may take
   * @param notes takes a line for each solution on which the command failed
   */
  public RewardCommand(String command, double seconds, Consumer<String> notes) {
    this.words = words(command);
    this.seconds = seconds;
    this.notes = notes;
    if (words.isEmpty()) {
      throw new IllegalArgumentException("the reward command is empty: name a program and its arguments");
    }
  }

  private static List<String> words(String command) {
    List<String> words = new ArrayList<>();
    for (Matcher m = WORD.matcher(command); m.find();) {
      words.add(m.group(1) != null ? m.group(1) : m.group(2));
    }
    return words;
  }

  @Override
  public boolean correct(Problem problem, String solution) {
    return score(problem, solution) >= RIGHT;
  }

  @Override
  public synchronized double score(Problem problem, String solution) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("id", problem.id());
    row.put("question", problem.question());
    row.put("answer", problem.answer());
    row.put("metadata", problem.metadata());
    row.put("solution", solution);
    String line = JsonMapper.shared().writeValueAsString(row) + "\n";
    String why = "";
    for (int attempt = 0; attempt < 2; attempt++) {
      try {
        double score = ask(line);
        failures = 0;
        return score;
      } catch (IOException e) {
        why = e.getMessage();
        stop();
      }
    }
    notes.accept("the reward command failed twice on a solution of problem " + problem.id() + " (" + why + "): score 0");
    if (++failures == MOST_FAILURES) {
      throw new IllegalStateException("the reward command " + words + " failed on " + failures + " solutions in a row, "
          + "the last one of problem " + problem.id() + ": " + why);
    }
    return 0;
  }

  private double ask(String line) throws IOException {
    if (process == null) {
      start();
    }
    BufferedReader from = answers;
    Writer to = questions;
    FutureTask<String> exchange = new FutureTask<>(() -> {
      to.write(line);
      to.flush();
      return answer(from);
    });
    Thread.ofPlatform().daemon().name("reward").start(exchange);
    String answer;
    try {
      answer = exchange.get((long) (seconds * 1e9), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new IOException("no answer within " + seconds + " s", e);
    } catch (ExecutionException | CancellationException e) {
      throw new IOException("it ended", e);
    } catch (InterruptedException e) {
      stop();
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while the reward command was asked");
    }
    double score;
    try {
      score = Double.parseDouble(answer.strip());
    } catch (NumberFormatException e) {
      throw new IOException("its answer is no number: " + answer.strip(), e);
    }
    if (!(score >= 0 && score <= 1)) {
      throw new IOException("its answer is not in [0, 1]: " + answer.strip());
    }
    return score;
  }

  private static String answer(BufferedReader from) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = from.read(); c != '\n'; c = from.read()) {
      if (c < 0 || line.length() == LONGEST) {
        throw new IOException(c < 0 ? "it ended" : "an answer without end");
      }
      line.append((char) c);
    }
    return line.toString();
  }

  private void start() {
    try {
      process = new ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot start the reward command " + words + ": " + e.getMessage(), e);
    }
    answers = process.inputReader();
    questions = process.outputWriter();
  }

  private void stop() {
    if (process != null) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      process = null;
    }
  }

  @Override
  public synchronized void close() {
    stop();
  }
}
