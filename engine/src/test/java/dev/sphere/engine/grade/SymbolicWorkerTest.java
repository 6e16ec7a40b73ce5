package dev.sphere.engine.grade;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The process around the computer algebra system, with shell scripts in its place, and with Symja where it is installed. */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class SymbolicWorkerTest {
  private static SymbolicWorker script(String body, int millis) {
    return new SymbolicWorker(List.of("/bin/sh", "-c", body), Duration.ofMillis(millis), Duration.ofSeconds(30));
  }

  private static void ended(ProcessHandle handle) throws Exception {
    handle.onExit().get(30, TimeUnit.SECONDS);
    assertFalse(handle.isAlive());
  }

  @Test
  void answersComeInTheOrderOfTheQuestions() throws Exception {
    SymbolicWorker w = script("echo ready; while read t; do case $t in a*) echo true;; b*) echo false;; *) echo what;; esac; done",
        30_000);
    assertEquals(true, w.isZero("a"));
    assertEquals(false, w.isZero("b"));
    assertNull(w.isZero("c"));
    assertEquals(true, w.isZero("a\nb"));
    assertEquals(1, w.started());
    ProcessHandle handle = w.handle();
    w.close();
    w.close();
    ended(handle);
    assertNull(w.isZero("a"));
  }

  @Test
  void aQuestionThatTakesTooLongEndsTheProcessAndTheNextOneGetsAnother() throws Exception {
    try (SymbolicWorker w = script("echo ready; while read t; do case $t in slow) sleep 600;; *) echo true;; esac; done", 1000)) {
      assertEquals(true, w.isZero("quick"));
      ProcessHandle first = w.handle();
      assertNull(w.isZero("slow"));
      ended(first);
      assertEquals(true, w.isZero("quick"));
      assertEquals(2, w.started());
    }
  }

  @Test
  void aProcessThatDiesOrNeverStartsKnowsNothing() {
    try (SymbolicWorker dies = script("echo ready; read t; exit 3", 30_000);
        SymbolicWorker never = script("exit 1", 30_000);
        SymbolicWorker absent =
            new SymbolicWorker(List.of("/no/such/program"), Duration.ofSeconds(1), Duration.ofSeconds(1))) {
      assertNull(dies.isZero("x"));
      assertNull(dies.isZero("x"));
      assertEquals(2, dies.started());
      assertNull(never.isZero("x"));
      assertNull(absent.isZero("x"));
    }
  }

  /** Threads, processes and open files are back where they were after many workers were ended in every way. */
  @Test
  void nothingIsLeftBehind() throws Exception {
    List<ProcessHandle> handles = new ArrayList<>();
    long files = -1;
    for (int i = 0; i < 40; i++) {
      try (SymbolicWorker w = script("echo ready; while read t; do [ $t = slow ] && sleep 600; echo true; done", 200)) {
        w.isZero("quick");
        if (w.handle() != null) {
          handles.add(w.handle());
        }
        if (i % 4 == 0) {
          w.isZero("slow");
        }
      }
      if (i == 9) {
        files = openFiles();
      }
    }
    for (ProcessHandle h : handles) {
      ended(h);
    }
    long after = openFiles();
    for (int wait = 0; after > files + 6 && wait < 100; wait++) {
      Thread.sleep(100);
      after = openFiles();
    }
    assertTrue(after <= files + 6, "open files: " + files + ", then " + after);
    boolean threads = true;
    for (int wait = 0; threads && wait < 100; wait++) {
      threads = Thread.getAllStackTraces().keySet().stream().anyMatch(t -> t.getName().contains("symja"));
      Thread.sleep(threads ? 100 : 0);
    }
    assertFalse(threads);
  }

  private static long openFiles() throws Exception {
    Path fds = Path.of("/proc/self/fd");
    Assumptions.assumeTrue(Files.isDirectory(fds), "needs /proc");
    try (var s = Files.list(fds)) {
      return s.count();
    }
  }

  @Test
  void termsHoldNothingThatAnAnswerCanName() {
    Expr x = new Expr.Sym("Quit");
    Expr f = new Expr.Call("system", List.of(x));
    assertEquals("(v1)-((v1+v2))", SymjaTerm.difference(x, new Expr.Op('+', x, new Expr.Sym("$Path"))));
    assertNull(SymjaTerm.difference(f, x));
    assertNull(SymjaTerm.difference(x, new Expr.Text("Quit()")));
    assertEquals("(Sum(v1,{v1,(1/1),v2}))-(v2)", SymjaTerm.difference(sum(), new Expr.Sym("n")));
  }

  private static Expr sum() {
    Expr k = new Expr.Sym("k");
    return new Expr.Call("sum", List.of(new Expr.Call("from", List.of(new Expr.Rel(List.of(k, Expr.number(1)), List.of("=")))),
        new Expr.Call("to", List.of(new Expr.Sym("n"))), k));
  }

  @Test
  void isAskedOnlyWhereValuesSettleNothing(@TempDir Path dir) {
    Path log = dir.resolve("asked");
    try (SymbolicWorker w = script("echo ready; while read t; do echo \"$t\" >> " + log + "; echo true; done", 30_000)) {
      AnswerGrader g = new AnswerGrader(w);
      assertTrue(g.grade("x+1", "1+x").equal());
      assertFalse(g.grade("x+1", "x+2").equal());
      assertFalse(g.grade("\\sqrt{2}", "1.5").equal());
      // not both real below 3, whatever an algebra system says of complex numbers
      assertFalse(g.grade("\\sqrt{x-3}\\sqrt{x-5}", "\\sqrt{(x-3)(x-5)}").equal());
      assertFalse(Files.exists(log));
      assertTrue(g.grade("\\frac{n(n+1)}{2}", "\\sum_{k=1}^{n} k").equal());
      assertFalse(Files.exists(log));
      Verdict v = g.grade("\\frac{\\pi^2}{6}", "\\sum_{k=1}^{\\infty} \\frac{1}{k^2}");
      assertEquals("same by computer algebra", v.how());
      assertTrue(Files.exists(log));
    }
    assertThrows(IllegalArgumentException.class, () -> SymbolicWorker.open(dir, Duration.ofSeconds(1)));
  }

  @Test
  void symjaItselfWhereItIsInstalled() {
    Path jars = Path.of(System.getProperty("sphere.symja", SymbolicWorker.defaultJars().toString()));
    Assumptions.assumeTrue(Files.isDirectory(jars), "Symja is not installed (scripts/symja.sh)");
    try (SymbolicWorker w = SymbolicWorker.open(jars, Duration.ofSeconds(20))) {
      AnswerGrader g = new AnswerGrader(w);
      Map<String, String> same = Map.of("\\frac{\\pi^2}{6}", "\\sum_{k=1}^{\\infty} \\frac{1}{k^2}");
      same.forEach((a, b) -> assertTrue(g.grade(a, b).equal(), a + " " + b));
      assertFalse(g.grade("\\frac{\\pi^2}{8}", "\\sum_{k=1}^{\\infty} \\frac{1}{k^2}").equal());
    }
  }
}
