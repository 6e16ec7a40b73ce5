package dev.sphere.engine.search;

import dev.sphere.base.InFlight;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * How many chains of steps grow at once in a run. A problem takes one place. What of its work is independent, such as
 * the two chains of a simulation, goes side by side while there are places, and one after the other where all are
 * taken. That changes the time alone: what a search finds does not depend on order. Thread-safe.
 */
public final class Permits {
  private final int places;
  private final AtomicInteger taken = new AtomicInteger();

  /** @param places chains that grow at once; with 1 everything goes one after the other */
  public Permits(int places) {
    this.places = places;
  }

  /** A problem's search begins; it waits for nothing, whether or not there is a place. */
  public void enter() {
    taken.incrementAndGet();
  }

  /** A problem's search is over: its place is free. */
  public void leave() {
    taken.decrementAndGet();
  }

  /**
   * Does work of a problem that has {@link #enter entered}: as much of it at once as there are places.
   *
   * @return the results in the order of the work
   * @throws InterruptedException as {@link InFlight#run}, whose exceptions it throws
   */
  public <T> List<T> all(List<Callable<T>> work) throws InterruptedException {
    int more = Math.max(0, work.size() - 1);
    int before = taken.getAndUpdate(t -> Math.max(t, Math.min(places, t + more)));
    int got = Math.max(0, Math.min(places - before, more));
    try {
      return InFlight.run(work, 1 + got, Callable::call, (index, result) -> { });
    } finally {
      taken.addAndGet(-got);
    }
  }
}
