package dev.sphere.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class InFlightTest {
  @Test
  void resultsStandInTheOrderOfTheItemsWhateverFinishesFirst() throws InterruptedException {
    CountDownLatch last = new CountDownLatch(1);
    List<Integer> told = new ArrayList<>();
    Thread caller = Thread.currentThread();
    List<String> results = InFlight.run(List.of("a", "b", "c"), 3, s -> {
      if (s.equals("a")) {
        last.await();
      } else if (s.equals("c")) {
        last.countDown();
      }
      return s + s;
    }, (i, r) -> {
      told.add(i);
      assertEquals(caller, Thread.currentThread());
    });
    assertEquals(List.of("aa", "bb", "cc"), results);
    assertEquals(List.of(0, 1, 2), told.stream().sorted().toList());
    assertTrue(told.indexOf(0) > 0, told.toString());
  }

  @Test
  void neverMoreThanTheLimitAtOnce() throws InterruptedException {
    AtomicInteger now = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    InFlight.run(IntStream.range(0, 200).boxed().toList(), 7, i -> {
      most.accumulateAndGet(now.incrementAndGet(), Math::max);
      Thread.yield();
      now.decrementAndGet();
      return i;
    }, (i, r) -> { });
    assertTrue(most.get() <= 7, "in flight: " + most);
  }

  @Test
  void theFirstFailureComesThroughAndNothingGoesOn() {
    AtomicInteger begun = new AtomicInteger();
    IllegalStateException e = assertThrows(IllegalStateException.class,
        () -> InFlight.run(IntStream.range(0, 1000).boxed().toList(), 2, i -> {
          begun.incrementAndGet();
          if (i == 3) {
            throw new IllegalStateException("item " + i);
          }
          if (i > 3) {
            new CountDownLatch(1).await(); // until what is in flight is broken off
          }
          return i;
        }, (i, r) -> { }));
    assertEquals("item 3", e.getMessage());
    assertTrue(begun.get() <= 5, "begun: " + begun);
    assertThrows(IllegalArgumentException.class, () -> InFlight.run(List.of(1), 0, i -> i, (i, r) -> { }));
  }
}
