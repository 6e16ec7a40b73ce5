package dev.sphere.lab.problems;

import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * The kinds of word problem. Each writes its text and its steps side by side, two to five operations. What a seed gives
 * depends on their order.
 */
enum ProblemKinds {
  SHOPPING(MoneyProblems::shopping),
  SHARING(QuantityProblems::sharing),
  TRIP(TimeProblems::trip),
  AGES(TimeProblems::ages),
  SAVINGS(MoneyProblems::savings),
  FENCE(MoneyProblems::fence),
  COMPARISON(QuantityProblems::comparison),
  FARM(QuantityProblems::farm),
  BAKERY(MoneyProblems::bakery),
  READING(TimeProblems::reading),
  BUS(QuantityProblems::bus),
  WAGES(MoneyProblems::wages),
  SEATS(QuantityProblems::seats),
  HALVES(QuantityProblems::halves);

  private final Consumer<ProblemWriter> writer;

  ProblemKinds(Consumer<ProblemWriter> writer) {
    this.writer = writer;
  }

  /** Writes one problem of this kind. */
  WordProblem write(SplittableRandom random) {
    ProblemWriter w = new ProblemWriter(random);
    writer.accept(w);
    return w.finish(name().toLowerCase(Locale.ROOT));
  }
}
