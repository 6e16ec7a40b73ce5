package dev.sphere.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.gguf.GgmlType;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.Packing;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.job.HeldOut;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.Tuning;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.optim.OptimizerSettings;
import dev.sphere.trainer.optim.Schedule;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every "with" method that a record of settings has beside the generated ones changes what it is called, and nothing
 * else.
 */
class WithersTest {
  /** Methods that are not called as the one component that they change. */
  private static final Map<String, List<String>> CHANGED = Map.of(
      "withCheckpoints", List.of("saveEvery", "keepLast"),
      "withBetas", List.of("beta1", "beta2"),
      "withDivergence", List.of("divergence", "alpha"),
      "withModel", List.of("modelHash", "modelSettings"),
      "withMicroBatchTokens", List.of("microBatchTokens", "fillTokens"),
      "withStepPairs", List.of("stepSeparator", "stepsAlone"));

  /** Two values of each type that is no number, switch or enum; the one that differs is taken. */
  private static final List<Object> VALUES = List.of(
      Path.of("a"), Path.of("b"), "one", "two", GgmlType.F16, GgmlType.BF16, Set.of("attn_q"), Set.of("attn_k"),
      Tuning.full(), Tuning.lora(3, 7), TrainSettings.defaults(0.5), TrainSettings.defaults(0.25),
      OptimizerSettings.sgd(0.5, 0), OptimizerSettings.adamw(0.25), new Schedule(Schedule.Kind.COSINE, 3),
      new Schedule(Schedule.Kind.WSD, 2), Packing.defaults().withMicroBatchTokens(9), Packing.defaults(),
      new HeldOut(null, 0.5, 2), HeldOut.none(), new LossSettings.Sync(3, 0.5), new LossSettings.Sync(4, 0.25),
      Map.of("a", 1), Map.of("b", 2), new TrainingListener() {}, (BooleanSupplier) () -> true,
      new RunOptions.Evaluation(List.of(new Example.Imitation("i", "t", new TrainingSequence(new int[] {1, 2}, 1))),
          3));

  static List<Record> settings() {
    TrainSettings s = TrainSettings.defaults(1e-3);
    return List.of(
        s, s.packing(), TrainJob.of(Path.of("m"), Path.of("o"), s), RunOptions.in(Path.of("o")), LossSettings.defaults(),
        OptimizerSettings.sgd(0.1, 0.5));
  }

  @ParameterizedTest
  @MethodSource("settings")
  void everyWithChangesWhatItIsCalledAndNothingElse(Record r) throws ReflectiveOperationException {
    int called = 0;
    for (Method with : r.getClass().getMethods()) {
      if (!with.getName().startsWith("with") || with.getDeclaringClass() != r.getClass() || with.getReturnType() != r.getClass()) {
        continue;
      }
      String name = with.getName().substring(4);
      List<String> expected = CHANGED.getOrDefault(
          with.getName(), List.of(Character.toLowerCase(name.charAt(0)) + name.substring(1)));
      Object[] arguments = new Object[with.getParameterCount()];
      for (int i = 0; i < arguments.length; i++) {
        arguments[i] = other(with.getParameterTypes()[i], component(r, expected.get(i)));
      }
      Record copy = (Record) with.invoke(r, arguments);
      List<String> changed = new ArrayList<>();
      for (RecordComponent c : r.getClass().getRecordComponents()) {
        if (!java.util.Objects.equals(component(r, c.getName()), component(copy, c.getName()))) {
          changed.add(c.getName());
        }
      }
      assertEquals(Set.copyOf(expected), Set.copyOf(changed), with.toString());
      for (int i = 0; i < expected.size(); i++) {
        Object value = expected.get(i).equals("stepsAlone") ? true : arguments[Math.min(i, arguments.length - 1)];
        assertEquals(value, component(copy, expected.get(i)), with.toString());
      }
      called++;
    }
    assertTrue(called > 0, r.toString());
  }

  private static Object component(Record r, String name) throws ReflectiveOperationException {
    return r.getClass().getMethod(name).invoke(r);
  }

  /** A valid value of this type that is not the one there is. */
  private static Object other(Class<?> type, Object there) {
    if (type == int.class) {
      return (int) there > 1 ? (int) there - 1 : (int) there + 1;
    }
    if (type == long.class) {
      return (long) there + 1;
    }
    if (type == double.class) {
      return (double) there == 0 ? 0.25 : (double) there / 2;
    }
    if (type == boolean.class) {
      return !(boolean) there;
    }
    if (type.isEnum() && there != null) {
      return Arrays.stream(type.getEnumConstants()).filter(v -> v != there).findFirst().orElseThrow();
    }
    return VALUES.stream().filter(v -> type.isInstance(v) && !v.equals(there)).findFirst()
        .orElseThrow(() -> new AssertionError("no other value of " + type));
  }

  @Test
  void mistakesAreSaidInTheRecordsOwnWords() {
    var refused = assertThrows(IllegalArgumentException.class, () -> LossSettings.defaults().withBeta(-1));
    assertTrue(refused.getMessage().contains("beta"), refused.getMessage());
  }
}
