package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import java.util.List;

/** A parsed statement. */
@FunctionalInterface
interface Statement {
  /** How a statement ended: at its end, or by leaving the loop around it. */
  enum Signal {
    END,
    BREAK,
    CONTINUE
  }

  /** Runs the statement, which appends its text. */
  Signal run(Scope scope, MarkedText.Builder out);

  /** Statements one after another, until one of them leaves a loop. */
  static Statement sequence(List<Statement> statements) {
    return (scope, out) -> {
      Signal signal = Signal.END;
      for (int i = 0; i < statements.size() && signal == Signal.END; i++) {
        signal = statements.get(i).run(scope, out);
      }
      return signal;
    };
  }
}
