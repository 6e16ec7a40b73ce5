package dev.sphere.engine.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sphere.bindings.kernel.Activations;
import org.junit.jupiter.api.Test;

class PrecisionTest {
  /** A run that began with one kind is not gone on with by another. */
  @Test
  void theIdentityNamesWhatIsComputedWithHere() {
    assertEquals("int16", new Precision(Activations.INT16).identity());
    assertEquals("int8", new Precision(Activations.INT8).identity());
    assertEquals("bf16", new Precision(Activations.BF16).identity());
    assertEquals(new Precision(Activations.AUTO.here()).identity(), Precision.USUAL.identity());
  }
}
