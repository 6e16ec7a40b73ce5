package dev.sphere.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.Tuning;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.optim.OptimizerSettings;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The settings' copies name components by text: every such method of every record is called here. */
class RecordsTest {
  static List<Record> settings() {
    TrainSettings s = TrainSettings.defaults(1e-3);
    return List.of(
        s, s.optimizer(), TrainJob.of(Path.of("m"), Path.of("o"), s), Tuning.lora(2, 4), RunOptions.in(Path.of("o")),
        LossSettings.defaults(), ModelOptions.full(1), OptimizerSettings.sgd(0.1, 0.5));
  }

  @ParameterizedTest
  @MethodSource("settings")
  void everyWithKeepsWhatItIsGiven(Record r) throws ReflectiveOperationException {
    int called = 0;
    for (Method with : r.getClass().getMethods()) {
      if (!with.getName().startsWith("with") || with.getParameterCount() != 1 || with.getReturnType() != r.getClass()) {
        continue;
      }
      String name = with.getName().substring(4);
      String component = Character.toLowerCase(name.charAt(0)) + name.substring(1);
      try {
        Object value = r.getClass().getMethod(component).invoke(r);
        assertEquals(r, with.invoke(r, value), with.toString());
      } catch (NoSuchMethodException e) {
        with.invoke(r, new Object[] {null}); // named otherwise than its component: it must find it all the same
      }
      called++;
    }
    assertTrue(called > 0, r.toString());
  }

  @Test
  void mistakesAreSaid() {
    var unknown = assertThrows(
        IllegalArgumentException.class, () -> Records.with(LossSettings.defaults(), "gamma", 1.0));
    assertTrue(unknown.getMessage().contains("LossSettings has no component gamma"), unknown.getMessage());
    var refused = assertThrows(IllegalArgumentException.class, () -> LossSettings.defaults().withBeta(-1));
    assertTrue(refused.getMessage().contains("beta"), "the record's own words: " + refused.getMessage());
  }
}
