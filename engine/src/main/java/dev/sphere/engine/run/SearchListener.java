package dev.sphere.engine.run;

import dev.sphere.engine.stage.Progress;
import java.util.function.Consumer;

/** Hears of a search; one call at a time. */
@FunctionalInterface
public interface SearchListener extends Consumer<Progress> {
  /** Something worth a line: what of the run was damaged, and what is computed again. */
  default void note(String line) {}
}
