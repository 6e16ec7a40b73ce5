package dev.sphere.engine.decode;

import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Request;
import java.util.List;

/** The requests of one call of {@link BatchedPolicy#generate} that a lane computes together. */
final class RolloutJob extends LoopJob<List<Generation>> {
  final int[] path;
  final List<Request> requests;
  final Generation[] done;
  final boolean alike; // all requests end by the same rule and limit: those that draw the same tokens can go on as one
  boolean ofTree; // the path has steps: not an answer to a prompt, drawn at once
  int computed; // tokens of the path that were computed before, for another call
  int open; // requests that are not done

  RolloutJob(int[] path, List<Request> requests) {
    this.path = path;
    this.requests = requests;
    this.done = new Generation[requests.size()];
    this.open = requests.size();
    Request one = requests.getFirst();
    this.alike = requests.stream()
        .allMatch(r -> r.stop() == one.stop() && r.sampling().maxTokens() == one.sampling().maxTokens());
  }

  void finish(int request, Generation generation) {
    done[request] = generation;
    if (--open == 0) {
      result.complete(List.of(done));
    }
  }
}
