package dev.sphere.cli.command;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/**
 * Ctrl-C and SIGTERM ask the work to stop, and the process waits until it has written what it has: close this when it
 * has, or has ended.
 */
final class OrderlyStop implements AutoCloseable {
  /** How long a stop waits for the running step and its checkpoint. */
  private static final long SECONDS = 120;

  private final AtomicBoolean asked = new AtomicBoolean();
  private final CountDownLatch done = new CountDownLatch(1);
  private final Thread hook;

  /** @param listens whether the work would stop now; what does not is not waited for */
  OrderlyStop(BooleanSupplier listens) {
    hook = new Thread(() -> await(listens), "orderly stop");
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** Whether to stop. */
  boolean asked() {
    return asked.get();
  }

  private void await(BooleanSupplier listens) {
    asked.set(true);
    try {
      if (listens.getAsBoolean()) {
        done.await(SECONDS, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    done.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is going down already.
    }
  }
}
