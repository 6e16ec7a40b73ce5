package dev.sphere.engine.run;

import dev.sphere.engine.stage.Workers;
import dev.sphere.engine.store.RecordLines;
import java.util.AbstractList;
import java.util.List;
import java.util.function.Consumer;

/** A cluster's machines as the workers of a search. */
record ClusterWorkers(Cluster.Crew crew) implements Workers {
  @Override
  public int slots() {
    return crew.slots();
  }

  @Override
  public void run(List<Task> tasks, Consumer<List<Done>> done) throws InterruptedException {
    if (tasks.isEmpty()) {
      return;
    }
    String what = tasks.getFirst().kind() == Kind.PROBE ? "probe" : "search";
    List<byte[]> lines = new AbstractList<>() { // made when they are asked for: a million would fill the memory
      @Override
      public byte[] get(int index) {
        return RecordLines.of(tasks.get(index));
      }

      @Override
      public int size() {
        return tasks.size();
      }
    };
    crew.run(what, lines, 1, some -> done.accept(some.stream().map(RecordLines::done).toList()));
  }
}
