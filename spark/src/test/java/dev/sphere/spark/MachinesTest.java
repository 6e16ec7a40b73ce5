package dev.sphere.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.run.Cluster;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which workers may work for a run. */
class MachinesTest {
  @TempDir private Path run;

  private Path file() {
    return run.resolve(Cluster.KIND);
  }

  private static Answer answer(String host, String fingerprint) {
    return new Answer(host, null, fingerprint, new ArrayList<>());
  }

  private static String refusal(Machines machines, Answer answer) {
    return assertThrows(IllegalArgumentException.class, () -> machines.accept(answer)).getMessage();
  }

  @Test
  void theFirstWorkerSaysWhatKindOfMachineARunHas() {
    Machines machines = new Machines(Optional.of(file()));
    machines.accept(answer("a", "1"));
    machines.accept(answer("b", "1"));
    String refused = refusal(machines, answer("c", "2"));
    assertTrue(refused.contains("c computes other bits than a"), refused);
    assertTrue(refusal(new Machines(Optional.of(file())), answer("c", "2")).contains("other bits"), "a resumed run knows it too");
    new Machines(Optional.of(file())).accept(answer("d", "1"));
  }

  @Test
  void aWorkerThatCannotWorkSaysWhy() {
    assertEquals("worker a: no model", refusal(new Machines(Optional.of(file())), Answer.refusal("a", "no model")));
    assertTrue(Files.notExists(file()));
  }

  @Test
  void aFileThatCannotBeReadIsNamed() throws Exception {
    Files.writeString(file(), "{");
    String refused = assertThrows(IllegalArgumentException.class, () -> new Machines(Optional.of(file()))).getMessage();
    assertTrue(refused.contains(Cluster.KIND) && refused.contains("delete it"), refused);
  }
}
