package dev.sphere.base;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
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

  @Test
  void whatIsDoneTogetherKeepsItsOrderAndFailsAsItWas() throws InterruptedException {
    assertEquals(List.of(), InFlight.together(List.of()));
    CountDownLatch all = new CountDownLatch(2); // neither ends before both have begun
    assertEquals(List.of(1, 2), InFlight.together(List.of(() -> meet(all, 1), () -> meet(all, 2))));
    for (Throwable failure : List.of(new InterruptedException("i"), new AssertionError("e"), new ArithmeticException("r"))) {
      CountDownLatch broken = new CountDownLatch(1);
      Throwable thrown = assertThrows(failure.getClass(), () -> InFlight.together(List.of(() -> {
        try {
          return new CountDownLatch(1).await(1, TimeUnit.MINUTES);
        } catch (InterruptedException e) {
          broken.countDown();
          return false;
        }
      }, () -> fail(failure))));
      assertSame(failure, thrown);
      assertEquals(0, broken.getCount(), "the rest was given up, and waited for");
    }
    IllegalStateException wrapped =
        assertThrows(IllegalStateException.class, () -> InFlight.together(List.of(() -> fail(new IOException("full")))));
    assertTrue(wrapped.getMessage().contains("full"), wrapped.getMessage());
  }

  private static int meet(CountDownLatch all, int value) throws InterruptedException {
    all.countDown();
    all.await();
    return value;
  }

  private static boolean fail(Throwable failure) throws Exception {
    if (failure instanceof Error error) {
      throw error;
    }
    throw (Exception) failure;
  }
}
