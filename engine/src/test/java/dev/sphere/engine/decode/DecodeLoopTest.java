package dev.sphere.engine.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Adapter;
import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Decoder;
import dev.sphere.bindings.tensor.NativeFloats;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A loop whose parts fail when they are closed leaves nobody asleep, and closes the other parts. */
@Timeout(60)
class DecodeLoopTest {
  private static final ContextOptions OPTIONS = ContextOptions.invariant(256, 3, 1);

  private static final class RolloutJob extends LoopJob<String> {}

  /** A decoder that does nothing, and fails to close. */
  private static final class Fake extends Decoder {
    private final List<String> closed;

    Fake(List<String> closed) {
      super(null, OPTIONS);
      this.closed = closed;
    }

    @Override
    public int cells() {
      return OPTIONS.cells();
    }

    @Override
    protected int mostTokens() {
      return 1;
    }

    @Override
    protected int compute(Batch batch) {
      return 0;
    }

    @Override
    protected String reason(int status) {
      return "";
    }

    @Override
    protected NativeFloats logitsOf(int rows) {
      throw new IllegalStateException();
    }

    @Override
    protected NativeFloats statesOf(int rows) {
      throw new IllegalStateException();
    }

    @Override
    protected void copy(int from, int to, int start, int end) {}

    @Override
    protected void remove(int sequence, int start, int end) {}

    @Override
    protected void clearCells() {}

    @Override
    protected int last(int sequence) {
      return -1;
    }

    @Override
    protected void compactCells() {}

    @Override
    public void useAdapters(List<Adapter> adapters) {}

    @Override
    protected void free() {}

    @Override
    public void close() {
      closed.add("decoder");
      throw new IllegalStateException("the decoder does not close");
    }
  }

  private static final class Loop extends DecodeLoop<RolloutJob> {
    final List<String> closed = new ArrayList<>();
    final CountDownLatch stepping = new CountDownLatch(1);
    private final RuntimeException step;
    private final RuntimeException allocate;

    /** What the steps and the allocation throw; null: nothing. */
    Loop(RuntimeException allocate, RuntimeException step) {
      super("fake", "fake", null, null, OPTIONS);
      this.step = step;
      this.allocate = allocate;
    }

    @Override
    Decoder open() {
      return new Fake(closed);
    }

    @Override
    void allocate() {
      if (allocate != null) {
        throw allocate;
      }
    }

    @Override
    void free() {
      closed.add("own");
      throw new IllegalStateException("its own memory is not freed");
    }

    @Override
    boolean busy() {
      return false;
    }

    @Override
    void step() {
      if (!waiting.isEmpty()) {
        stepping.countDown();
        if (step != null) {
          throw step;
        }
      }
      Thread.onSpinWait();
    }

    @Override
    void failActive(Throwable cause) {}
  }

  @Test
  void whoWaitsIsToldWhenClosingFails() throws Exception {
    Loop loop = new Loop(null, null);
    loop.start();
    RolloutJob job = new RolloutJob();
    loop.submit(job);
    assertTrue(loop.stepping.await(30, TimeUnit.SECONDS));
    IllegalStateException e = assertThrows(IllegalStateException.class, loop::close);
    assertEquals("the decoder of the fake could not be closed: java.lang.IllegalStateException: its own memory is not"
        + " freed", e.getMessage());
    assertEquals("the decoder does not close", e.getCause().getSuppressed()[0].getMessage());
    assertEquals(List.of("own", "decoder"), loop.closed);
    ExecutionException failed = assertThrows(ExecutionException.class, () -> job.result.get(1, TimeUnit.SECONDS));
    assertEquals("the fake was closed", failed.getCause().getMessage());
    RolloutJob late = new RolloutJob();
    loop.submit(late);
    assertTrue(late.result.isCompletedExceptionally(), "a job for a loop that has ended");
    loop.close(); // told once
  }

  @Test
  void whoWaitsIsToldWhatEndedTheLoop() throws Exception {
    RuntimeException why = new IllegalStateException("no step");
    Loop loop = new Loop(null, why);
    loop.start();
    RolloutJob job = new RolloutJob();
    loop.submit(job);
    ExecutionException failed = assertThrows(ExecutionException.class, () -> job.result.get(30, TimeUnit.SECONDS));
    assertSame(why, failed.getCause());
    assertThrows(IllegalStateException.class, loop::close);
    assertEquals(List.of("own", "decoder"), loop.closed);
  }

  @Test
  void startIsToldWhatKeptTheLoopFromBeginning() {
    RuntimeException why = new IllegalStateException("no memory");
    Loop loop = new Loop(why, null);
    assertSame(why, assertThrows(IllegalStateException.class, loop::start));
    Loop other = new Loop(null, null);
    other.start();
    List<Loop> both = List.of(loop, other);
    IllegalStateException e = assertThrows(IllegalStateException.class, () -> DecodeLoop.closeAll(both));
    assertEquals(1, e.getSuppressed().length, "both are closed");
    assertEquals(List.of("own", "decoder"), other.closed);
  }
}
