package dev.sphere.engine.decode;

import dev.sphere.bindings.llama.Adapter;
import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Decoder;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.tensor.Backend;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.LockSupport;

/**
 * A thread that owns a decoder and steps in it all that it was asked for: it takes what is new from the inbox, makes
 * one micro-batch, and begins again; with nothing to do it sleeps. When a step fails the loop ends, and everything that
 * waits fails with what ended it, before anything is freed: should that fail too, nobody is left waiting.
 *
 * @param <J> what can be asked for
 */
abstract class DecodeLoop<J extends LoopJob<?>> implements AutoCloseable {
  /** Cells that the longest sequence leaves free, so that a step always finds room. */
  static final int RESERVE = 64;

  final Model model;
  final ContextOptions options;
  private final String what;
  private final Adapter adapter;
  private final ConcurrentLinkedQueue<J> inbox = new ConcurrentLinkedQueue<>();
  private final CompletableFuture<Void> ready = new CompletableFuture<>();
  private final Thread thread;
  private volatile boolean closing;
  private volatile FutureTask<Void> change; // to be made between two steps; null: none
  private volatile Throwable failure;
  private volatile Throwable notFreed; // what went wrong when the thread freed its memory

  // What follows belongs to the loop's thread.
  final ArrayDeque<J> waiting = new ArrayDeque<>();
  Decoder decoder;
  KvCache cache;
  Batch batch;

  /**
   * A loop that is not started.
   *
   * @param what the loop serves, for messages
   * @param name of the thread
   * @param adapter null for none
   */
  DecodeLoop(String what, String name, Model model, Adapter adapter, ContextOptions options) {
    this.what = what;
    this.model = model;
    this.adapter = adapter;
    this.options = options;
    this.thread = Thread.ofPlatform().name(name).daemon().unstarted(this::run);
  }

  /**
   * Loads the adapter that an engine uses with a model, after a look whether loops can compute the model.
   *
   * @param file of a LoRA adapter; null for none
   * @param refusal how a refusal begins: "Cannot use M as a policy"
   * @return null for none
   * @throws LlamaException if the model is no decoder-only transformer
   */
  static Adapter adapter(Model model, Path file, String refusal) {
    if (!model.isPlainTransformer()) {
      throw new LlamaException(refusal + ": it is no decoder-only transformer. Use a qwen2 or llama model.");
    }
    return file == null ? null : Adapter.load(model, file);
  }

  /** Closes every part that is not null, even if closing one fails; then throws the first failure. */
  static void closeAll(List<? extends AutoCloseable> parts) {
    RuntimeException first = null;
    for (AutoCloseable part : parts) {
      try {
        if (part != null) {
          part.close();
        }
      } catch (Throwable e) {
        RuntimeException failure = e instanceof RuntimeException r ? r : new IllegalStateException(e);
        if (first == null) {
          first = failure;
        } else {
          first.addSuppressed(failure);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }

  /** Opens the decoder, when its thread begins. */
  Decoder open() {
    return Decoder.open(model, adapter, options);
  }

  /** Allocates native memory of the loop's own, after the decoder was opened. */
  abstract void allocate();

  /** Frees the loop's own native memory when the thread ends; also called when nothing was allocated. */
  abstract void free();

  /** Whether something is being computed: then the loop does not sleep. */
  abstract boolean busy();

  /** Admits what waits, and computes one micro-batch. */
  abstract void step();

  /** Called after the loop has slept, with the time in nanoseconds. */
  void slept(long nanos) {}

  /** Forgets what the loop itself keeps of what was computed, for another adapter. */
  void forget() {}

  /** Fails what is being computed. */
  abstract void failActive(Throwable cause);

  /**
   * Goes on with another adapter, and with nothing that was computed before. Returns when it is in place.
   *
   * @throws IllegalStateException when something is under way, or the loop has ended
   */
  final void adapt(Adapter next) throws InterruptedException {
    FutureTask<Void> made = new FutureTask<>(() -> {
      if (busy() || !waiting.isEmpty()) {
        throw new IllegalStateException("the " + what + " computes: an adapter is changed when nothing is under way");
      }
      decoder.clear();
      decoder.useAdapters(List.of(next));
      cache = new KvCache(decoder);
      forget();
    }, null);
    change = made;
    LockSupport.unpark(thread);
    if (failure != null) {
      made.cancel(false);
      throw new IllegalStateException("the " + what + " was closed", failure);
    }
    try {
      made.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
    }
  }

  /** Starts the thread and returns when its decoder is there, or throws what kept it from being made. */
  final void start() {
    thread.start();
    try {
      ready.join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException r ? r : e;
    }
  }

  void submit(J job) {
    inbox.add(job);
    LockSupport.unpark(thread);
    if (failure != null) { // the loop has ended, or has just failed what was in its inbox
      failInbox();
    }
  }

  private void run() {
    try {
      decoder = open();
      batch = new Batch(options.batch());
      cache = new KvCache(decoder);
      allocate();
      ready.complete(null);
      while (receive()) {
        step();
      }
      failure = new IllegalStateException("the " + what + " was closed");
    } catch (Throwable e) {
      failure = e;
    }
    try {
      failActive(failure);
      waiting.forEach(j -> j.fail(failure));
      failInbox();
      FutureTask<Void> unmade = change;
      if (unmade != null) {
        unmade.cancel(false);
      }
    } finally {
      try {
        closeAll(Arrays.asList(this::free, batch, decoder));
      } catch (RuntimeException e) {
        notFreed = e;
      }
      ready.completeExceptionally(failure); // without effect when the loop had begun
    }
  }

  /** Takes what is new; sleeps while there is nothing to do. False when the loop is to end. */
  private boolean receive() {
    if (inbox.isEmpty() && waiting.isEmpty() && !busy() && !closing && change == null) {
      IdleEvent event = new IdleEvent();
      event.begin();
      long begin = System.nanoTime();
      if (options.threads() > 1) {
        Backend.releaseThreads(); // so that another model's spin meanwhile: a policy and its reward model take turns
      }
      while (inbox.isEmpty() && !closing && change == null) {
        LockSupport.park(this);
        if (Thread.interrupted()) {
          throw new IllegalStateException("the loop of the " + what + " was interrupted");
        }
      }
      event.commit();
      slept(System.nanoTime() - begin);
    }
    for (J job = inbox.poll(); job != null; job = inbox.poll()) {
      waiting.add(job);
    }
    FutureTask<Void> made = change;
    if (made != null) {
      change = null;
      made.run(); // what it throws is its caller's
    }
    return !closing;
  }

  private void failInbox() {
    for (J job = inbox.poll(); job != null; job = inbox.poll()) {
      job.fail(failure);
    }
  }

  /**
   * Ends the loop; calls that wait fail. Returns when the decoder is freed.
   *
   * @throws IllegalStateException when it could not be freed: its memory may be lost until the process ends
   */
  @Override
  public final void close() {
    closing = true;
    LockSupport.unpark(thread);
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    Throwable why = notFreed;
    if (why != null) {
      notFreed = null; // thrown once
      throw new IllegalStateException("the decoder of the " + what + " could not be closed: " + why, why);
    }
  }
}
