package dev.sphere.engine.decode;

import dev.sphere.bindings.llama.Adapter;
import dev.sphere.engine.TokenPath;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;

/** The lanes of a policy, and which of them computes what. Thread-safe. */
final class RolloutLanes implements AutoCloseable {
  private final List<RolloutLane> lanes;
  private final int spare; // requests; a lane that has fewer has slots to spare
  private final Map<TokenPath, RolloutLane> laneOfNode = new WeakHashMap<>();
  private boolean closed;

  /** RolloutLanes that are not started, each with so many slots. */
  RolloutLanes(List<RolloutLane> lanes, int slots) {
    this.lanes = List.copyOf(lanes);
    this.spare = Math.max(1, slots / 2);
  }

  /** Starts all, or none and throws what kept one from starting. */
  void start() {
    try {
      lanes.forEach(RolloutLane::start);
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  /**
   * Hands a job over. A path goes on where the nearest of its nodes was computed last, since its cells are there; a new
   * tree goes where the least is waiting. Where a lane has more to do than another that has slots to spare, the job
   * moves there, and computes its path once more rather than wait: so one tree keeps all lanes busy. What is drawn does
   * not depend on the lane.
   */
  synchronized void submit(TokenPath path, RolloutJob job) {
    if (closed) {
      throw new IllegalStateException("the policy is closed");
    }
    RolloutLane freest =
        lanes.stream().min(Comparator.comparingInt(RolloutLane::load).thenComparingInt(l -> l.trees)).orElseThrow();
    job.ofTree = path.parent() != null;
    RolloutLane lane = null;
    for (TokenPath node = path; node != null && lane == null; node = node.parent()) {
      lane = laneOfNode.get(node);
      job.computed = lane == null ? 0 : node.length();
    }
    int moved = freest.load() + job.requests.size();
    if (lane == null) {
      lane = freest;
      lane.trees++;
    } else if (moved <= spare && moved <= lane.load()) {
      lane = freest;
    }
    laneOfNode.put(path, lane);
    lane.submit(job);
  }

  /** Goes on with another adapter in all lanes, and with nothing that was computed before. */
  synchronized void adapt(Adapter adapter) throws InterruptedException {
    for (RolloutLane lane : lanes) {
      lane.adapt(adapter);
    }
    laneOfNode.clear();
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    DecodeLoop.closeAll(lanes);
  }
}
