package dev.sphere.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Lets a program's disk fail and its machine die, at every change of the disk; and asks that each time the program, run
 * again, ends as an undisturbed one does, that nothing is gone which it had said to be done, and that it says in one error
 * what failed. {@code -Dsphere.faults.percent=100} tries every change, else a share of them.
 */
public final class Faults {
  private static final int PERCENT = Integer.getInteger("sphere.faults.percent", 0);

  /** Works in a folder to the end, or on to the end from what is there, and says what is done. */
  @FunctionalInterface
  public interface Work {
    void run(Path root, Consumer<String> said) throws Exception;
  }

  /** Asserts that all is there which was said to be done. */
  @FunctionalInterface
  public interface Promise {
    void holds(Path root, List<String> said) throws Exception;
  }

  /** Asserts that a folder is as the undisturbed one. */
  @FunctionalInterface
  public interface Outcome {
    void isSame(Path undisturbed, Path root) throws Exception;
  }

  private final Path temporary;
  private final Work work;
  private final Promise promise;
  private final Outcome outcome;
  private final FaultyDisk whole;
  private final Random random = new Random(17);
  private final Map<String, String> failures = new TreeMap<>();
  private final Map<String, Integer> counts = new TreeMap<>();
  private final Map<String, Integer> wrong = new TreeMap<>();
  private final int percent;
  private int cases;
  private int folders;

  /**
   * Does the work once, undisturbed.
   *
   * @param percent of the cases that are tried, unless the system property says otherwise
   */
  public Faults(Path temporary, int percent, Work work, Promise promise, Outcome outcome) throws Exception {
    this.percent = PERCENT > 0 ? PERCENT : percent;
    this.temporary = temporary;
    this.work = work;
    this.promise = promise;
    this.outcome = outcome;
    this.whole = new FaultyDisk(folder());
    work.run(whole.root(), whole::said);
    outcome.isSame(FaultyPath.unwrap(whole.root()), FaultyPath.unwrap(whole.root()));
  }

  /** How many faults and deaths there were. */
  public int cases() {
    return cases;
  }

  private Path folder() throws IOException {
    return Files.createDirectory(temporary.resolve("disk" + folders++ + "-" + System.nanoTime()));
  }

  private boolean tried() {
    return random.nextInt(100) < percent;
  }

  /** The machine dies after each change, and leaves what a {@link Crash} may leave; now and then it dies again. */
  public void dieAtAnyChange() throws Exception {
    List<Change> changes = whole.changes();
    for (int n = 0; n <= changes.size(); n++) {
      for (Crash crash : Crash.values()) {
        if (tried()) {
          String what = crash + " after " + n + " of " + changes.size() + " changes, the last " + last(changes, n);
          FaultyDisk disk = left(whole, crash, n);
          attempt(what, crash.toString(), disk, said(changes, n));
          if (n % 5 == 0) {
            List<Change> again = disk.changes();
            int m = random.nextInt(again.size() + 1);
            attempt("again " + crash + " after " + m + " changes of the resumed, " + last(again, m) + "; " + what,
                crash + " twice", left(disk, crash, m), said(changes, n));
          }
        }
      }
    }
    report();
  }

  /** Each change fails in each way. */
  public void failAtAnyChange() throws Exception {
    for (FaultyDisk.Fault fault : FaultyDisk.Fault.values()) {
      failAtAnyChange(fault);
    }
  }

  /** Each change of a run of its own fails; the run is gone on with as it is, and as a power cut leaves it. */
  private void failAtAnyChange(FaultyDisk.Fault fault) throws Exception {
    int changes = whole.count();
    for (int n = 1; n <= changes; n++) {
      if (!tried()) {
        continue;
      }
      FaultyDisk disk = new FaultyDisk(folder());
      disk.fail(n, fault);
      String message = null;
      try {
        work.run(disk.root(), disk::said);
      } catch (Exception e) {
        message = String.valueOf(e.getMessage());
      }
      disk.mend();
      if (disk.failed() == null) { // threads share syncs, so not every run has as many changes
        delete(FaultyPath.unwrap(disk.root()));
        continue;
      }
      String what = "change " + n + " of " + changes + " (" + disk.failed() + ") fails " + fault;
      count(fault.toString());
      if (message == null && !List.of("Delete", "MakeFolder").contains(disk.failed())) {
        wrong(what, "the program did not notice");
      } else if (message != null && !message.contains(disk.root().toString())) {
        wrong(what, "the error names no file: " + message);
      }
      List<Change> made = disk.changes();
      for (Crash crash : new Crash[] {Crash.KEPT, Crash.LOST, Crash.NAMES}) {
        attempt(what + ", then " + crash + "; " + message, fault + ", then " + crash, left(disk, crash, made.size()), said(made, made.size()));
      }
      // The next process finds what the system still shows, then the power goes.
      try {
        work.run(disk.root(), disk::said);
      } catch (Exception e) {
        wrong(what + ", resumed", e.toString());
      }
      List<Change> all = disk.changes();
      int m = made.size() + random.nextInt(all.size() - made.size() + 1);
      attempt(what + ", resumed, then LOST after " + m + " of " + all.size() + " changes, " + last(all, m),
          fault + ", resumed, then LOST", left(disk, Crash.LOST, m), said(all, m));
      delete(FaultyPath.unwrap(disk.root()));
    }
    report();
  }

  private static List<String> said(List<Change> changes, int n) {
    List<String> said = new ArrayList<>();
    for (Change change : changes.subList(0, n)) {
      if (change instanceof Change.Said s) {
        said.add(s.what());
      }
    }
    return said;
  }

  private static String last(List<Change> changes, int n) {
    return n == 0 ? "none" : changes.get(n - 1) instanceof Change.Write w
        ? "Write of " + w.bytes().length + " to file " + w.file() : changes.get(n - 1).toString();
  }

  private FaultyDisk left(FaultyDisk disk, Crash crash, int n) throws IOException {
    Path folder = folder();
    crash.leave(disk, n, random, folder);
    return new FaultyDisk(folder);
  }

  private void attempt(String what, String kind, FaultyDisk disk, List<String> said) throws IOException {
    count(kind);
    try {
      promise.holds(disk.root(), said);
      work.run(disk.root(), disk::said);
      outcome.isSame(FaultyPath.unwrap(whole.root()), FaultyPath.unwrap(disk.root()));
    } catch (Exception | AssertionError e) {
      wrong.merge(kind, 1, Integer::sum);
      wrong(what, e.toString().lines().findFirst().orElse(""));
    }
    delete(FaultyPath.unwrap(disk.root()));
  }

  private void wrong(String what, String how) {
    failures.put(what, how);
    System.out.println("faults: " + what + ": " + how);
  }

  private void count(String kind) {
    cases++;
    counts.merge(kind, 1, Integer::sum);
  }

  private void report() {
    System.out.println(cases + " faults and deaths " + counts + ", " + failures.size() + " failures, " + whole.count() + " changes");
    if (!failures.isEmpty()) {
      StringBuilder all = new StringBuilder(failures.size() + " of " + cases + " went wrong: " + wrong);
      failures.entrySet().stream().limit(30).forEach(f -> all.append("\n  ").append(f.getKey()).append(": ").append(f.getValue()));
      throw new AssertionError(all.toString());
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
