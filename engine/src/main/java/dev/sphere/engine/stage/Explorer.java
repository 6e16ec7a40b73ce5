package dev.sphere.engine.stage;

import dev.sphere.engine.Problem;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.search.ExpansionLog;
import java.util.List;

/** Finds solutions of a problem, of which a stage makes its pairs. Safe for many threads, one problem each. */
@FunctionalInterface
public interface Explorer {
  /**
   * Explores one problem.
   *
   * @param name of this search within the problem: part of the random numbers' key
   * @param prompt the prompt's tokens
   * @param log where a growing tree is kept, if this explorer can go on inside it
   * @return the solutions that it found, at least one
   */
  List<Attempt> explore(Problem problem, String name, TokenPath prompt, ExpansionLog log) throws InterruptedException;
}
