package dev.sphere.engine.grade;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Symja in a process of its own, so that a question that takes too long is ended by ending the process: nothing else stops
 * a computer algebra system for certain. A process is started when the first question comes, again after one was ended, and
 * ends with this JVM. One question at a time; thread-safe; close is idempotent.
 *
 * <p>Symja (LGPL-3, some 60 jars) is not part of Sphere: {@code scripts/symja.sh} puts it into the cache directory.
 */
public final class SymbolicWorker implements SymbolicJudge, AutoCloseable {
  private static final String END = "";

  private final List<String> command;
  private final Duration limit;
  private final Duration startLimit;
  private Process process;
  private Writer questions;
  private BlockingQueue<String> answers;
  private int started;
  private boolean closed;

  SymbolicWorker(List<String> command, Duration limit, Duration startLimit) {
    this.command = List.copyOf(command);
    this.limit = limit;
    this.startLimit = startLimit;
  }

  /**
   * A worker with the jars of a directory.
   *
   * @param jars where Symja's jars are
   * @param limit most time for a question, 1.5 s say; a start, of about a second, does not count
   * @throws IllegalArgumentException when there is no Symja
   */
  public static SymbolicWorker open(Path jars, Duration limit) {
    boolean there = false;
    if (Files.isDirectory(jars)) {
      try (Stream<Path> files = Files.list(jars)) {
        there = files.anyMatch(f -> f.getFileName().toString().startsWith("matheclipse-core"));
      } catch (IOException e) {
        throw new IllegalArgumentException("computer algebra: " + jars + " cannot be read: " + e.getMessage(), e);
      }
    }
    if (!there) {
      throw new IllegalArgumentException("computer algebra: there is no Symja in " + jars + "; scripts/symja.sh fetches it");
    }
    String own = System.getProperty("java.class.path");
    return new SymbolicWorker(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx1g",
        "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", own + File.pathSeparator + jars.resolve("*"),
        "dev.sphere.engine.grade.SymbolicMain"), limit, Duration.ofSeconds(60));
  }

  /** Where {@code scripts/symja.sh} puts the jars. */
  public static Path defaultJars() {
    String cache = System.getenv("XDG_CACHE_HOME");
    Path base = cache == null || cache.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(cache);
    return base.resolve("sphere").resolve("symja");
  }

  @Override
  public synchronized Boolean isZero(String term) {
    if (closed) {
      return null;
    }
    try {
      if (process == null || !process.isAlive()) {
        start();
      }
      questions.write(term.replace('\n', ' ') + "\n");
      questions.flush();
      String answer = answers.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
      if (answer == null || answer.equals(END)) {
        stop();
        return null;
      }
      return answer.equals("true") ? Boolean.TRUE : answer.equals("false") ? Boolean.FALSE : null;
    } catch (InterruptedException e) {
      stop();
      Thread.currentThread().interrupt();
      return null;
    } catch (IOException e) {
      stop();
      return null;
    }
  }

  private void start() throws IOException, InterruptedException {
    stop();
    Process p = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    process = p;
    started++;
    questions = p.outputWriter(StandardCharsets.UTF_8);
    BlockingQueue<String> queue = new LinkedBlockingQueue<>();
    answers = queue;
    // Ends with the process, whose end is the end of its output. No virtual thread: it would hold its carrier while it reads.
    Thread.ofPlatform().daemon().name("symja-answers").start(() -> {
      try (BufferedReader in = new BufferedReader(new InputStreamReader(p.getInputStream(), StandardCharsets.UTF_8))) {
        for (String line = in.readLine(); line != null; line = in.readLine()) {
          queue.add(line);
        }
      } catch (IOException e) {
        // the process was ended
      }
      queue.add(END);
    });
    String ready = queue.poll(startLimit.toMillis(), TimeUnit.MILLISECONDS);
    if (!"ready".equals(ready)) {
      stop();
      throw new IOException("Symja did not start");
    }
  }

  private void stop() {
    if (process != null) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      try {
        questions.close();
      } catch (IOException e) {
        // it is gone already
      }
      process = null;
    }
  }

  /** How many processes were started so far. */
  public synchronized int started() {
    return started;
  }

  /** The process that answers now; null for none. */
  synchronized ProcessHandle handle() {
    return process == null ? null : process.toHandle();
  }

  @Override
  public synchronized void close() {
    closed = true;
    stop();
  }
}
