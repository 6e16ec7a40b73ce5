package dev.sphere.engine.reward;

/** Carries a failure from a helper thread to the thread that waits for it. */
final class Rethrow {
  private Rethrow() {}

  /** Throws an unchecked failure or an interruption as it is; a checked one comes back wrapped, to be thrown. */
  static RuntimeException asIs(Throwable failure) throws InterruptedException {
    switch (failure) {
      case InterruptedException interrupted -> throw interrupted;
      case RuntimeException unchecked -> throw unchecked;
      case Error error -> throw error;
      default -> throw new IllegalStateException("a rollout failed: " + failure.getMessage(), failure);
    }
  }
}
