package dev.sphere.trainer.loop;

import dev.sphere.base.SplitMix;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.loop.TrainSettings.Order;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The order of examples: a pure function of data, seed, epoch and step, so that a resumed run needs no random
 * generator's state.
 */
public final class DataOrder {
  private final List<String> trees;
  private final TrainSettings settings;
  private int epoch = -1;
  private List<Integer> order;

  public DataOrder(List<? extends Example> examples, TrainSettings settings) {
    this(settings, examples.stream().map(Example::tree).toList());
  }

  /** @param trees the tree of each example */
  public DataOrder(TrainSettings settings, List<String> trees) {
    this.trees = trees;
    this.settings = settings;
  }

  /** Indices of the examples of a step, steps counted from 0 over the whole run. */
  public List<Integer> step(int step) {
    int perEpoch = settings.stepsPerEpoch(trees.size());
    if (step / perEpoch != epoch) {
      epoch = step / perEpoch;
      order = epoch(epoch);
    }
    int from = step % perEpoch * settings.batchSize();
    return order.subList(from, Math.min(from + settings.batchSize(), order.size()));
  }

  /**
   * A warning about rows of one prompt that fill whole steps, so that those steps teach one prompt alone.
   *
   * @return a clause; empty where there are no such rows
   */
  public Optional<String> warning() {
    List<List<Integer>> units = units();
    int most = units.stream().mapToInt(List::size).max().orElse(0);
    return settings.batchSize() == 1 || most < settings.batchSize() || units.size() == 1 ? Optional.empty()
        : Optional.of(most + " rows have one prompt and fill whole steps of " + settings.batchSize()
            + " by themselves; --order examples mixes them");
  }

  private List<Integer> epoch(int number) {
    Random random = new Random(settings.seed(), number);
    List<List<Integer>> units = new ArrayList<>(units());
    if (settings.order() != Order.GIVEN) {
      shuffle(units, random);
    }
    List<Integer> flat = new ArrayList<>();
    for (List<Integer> unit : units) {
      if (settings.order() != Order.GIVEN) {
        shuffle(unit, random);
      }
      flat.addAll(unit);
    }
    return flat;
  }

  private List<List<Integer>> units() {
    Map<String, List<Integer>> byTree = new LinkedHashMap<>();
    for (int i = 0; i < trees.size(); i++) {
      String key = settings.order() == Order.TREES ? trees.get(i) : Integer.toString(i);
      byTree.computeIfAbsent(key, k -> new ArrayList<>()).add(i);
    }
    return new ArrayList<>(byTree.values());
  }

  private static <T> void shuffle(List<T> list, Random random) {
    for (int i = list.size() - 1; i > 0; i--) {
      int j = random.below(i + 1);
      T swap = list.get(i);
      list.set(i, list.get(j));
      list.set(j, swap);
    }
  }

  /** Draws by SplitMix64. */
  private static final class Random {
    private long state;

    Random(long seed, int epoch) {
      state = SplitMix.mix(seed + SplitMix.STEP) ^ epoch * 0xD1342543DE82EF95L;
    }

    /** Uniform in [0, n), by rejection. */
    int below(int n) {
      long bits;
      long value;
      do {
        state += SplitMix.STEP;
        bits = SplitMix.mix(state) >>> 1;
        value = bits % n;
      } while (bits - value + (n - 1) < 0);
      return (int) value;
    }
  }
}
