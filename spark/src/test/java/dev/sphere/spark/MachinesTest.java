package dev.sphere.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which workers may work for a run. */
class MachinesTest {
  @TempDir private Path run;

  private static Answer answer(String host, String fingerprint) {
    return new Answer(host, null, fingerprint, new byte[0]);
  }

  private static String refusal(Machines machines, Answer answer) {
    return assertThrows(IllegalArgumentException.class, () -> machines.accept(answer)).getMessage();
  }

  @Test
  void theFirstWorkerSaysWhatKindOfMachineARunHas() {
    Machines machines = new Machines(run);
    machines.accept(answer("a", "1"));
    machines.accept(answer("b", "1"));
    String refused = refusal(machines, answer("c", "2"));
    assertTrue(refused.contains("c computes other bits than a"), refused);
    assertTrue(refusal(new Machines(run), answer("c", "2")).contains("other bits"), "a resumed run knows it too");
    new Machines(run).accept(answer("d", "1"));
  }

  @Test
  void aWorkerThatCannotWorkSaysWhy() {
    assertEquals("worker a: no model", refusal(new Machines(run), Answer.refusal("a", "no model")));
    assertTrue(Files.notExists(run.resolve(Machines.FILE)));
  }

  @Test
  void aFileThatCannotBeReadIsNamed() throws Exception {
    Files.writeString(run.resolve(Machines.FILE), "{");
    String refused = assertThrows(IllegalArgumentException.class, () -> new Machines(run)).getMessage();
    assertTrue(refused.contains(Machines.FILE) && refused.contains("delete it"), refused);
  }
}
