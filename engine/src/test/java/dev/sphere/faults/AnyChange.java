package dev.sphere.faults;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** A program's two tests on a disk that fails. */
public interface AnyChange {
  /** The program, done once undisturbed. */
  Faults faults() throws Exception;

  /** More cases than these are tried in a build. */
  int cases();

  @Test
  default void theMachineDiesAtAnyChange() throws Exception {
    Faults faults = faults();
    faults.dieAtAnyChange();
    assertTrue(faults.cases() > cases(), faults.cases() + " cases");
  }

  @Test
  default void anyChangeFails() throws Exception {
    Faults faults = faults();
    faults.failAtAnyChange();
    assertTrue(faults.cases() > cases(), faults.cases() + " cases");
  }
}
