package dev.sphere.bindings.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.kernel.Draws;
import dev.sphere.bindings.kernel.OptimizerKernels;
import dev.sphere.bindings.kernel.TargetLogProbs;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.bindings.load.NativeUnavailableException;
import dev.sphere.bindings.tensor.NativeFloats;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The bindings' CUDA side against an emulated device that fails in every way a device can. */
class DeviceTest {
  private static CudaLibrary library;

  @BeforeAll
  static void load() {
    NativeRuntime.require();
    library = CudaLibrary.load(Emulated.FILE);
  }

  @AfterEach
  void nothingIsLeft() {
    Emulated.revive();
    Emulated.machine(1, 13000);
    DeviceMemory.attach(java.lang.foreign.MemorySegment.NULL);
    library.close();
    assertEquals(0, Emulated.live(), "left on the device");
  }

  private static void assertMessage(RuntimeException e, String... parts) {
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), e::getMessage);
    }
    assertEquals(1, e.getMessage().lines().count(), e::getMessage);
  }

  @Test
  void tellsWhatIsThere() {
    Emulated.machine(3, 12080);
    assertEquals(3, library.devices().size());
    assertEquals("2: Emulated device, sm_90, 1 SMs, 8.0 GiB", library.devices().get(2).toString());
    assertEquals(new CudaLibrary.Versions(13000, 12080), library.versions());
    assertEquals("12.8", CudaLibrary.Versions.text(12080));
    assertEquals("emulated", library.architectures());
    assertEquals("GPU 1: Emulated device, sm_90, 1 SMs, 8.0 GiB", Device.open(library, false, 1).description());
  }

  @Test
  void aMachineWithoutAUsableGpu() {
    Emulated.machine(0, 13000);
    assertMessage(assertThrows(NativeUnavailableException.class, () -> Device.open(library, false, 0)),
        "no CUDA-capable device is detected", "nvidia-smi", "SPHERE_DEVICE=cpu");
    Emulated.machine(1, 0);
    assertMessage(assertThrows(NativeUnavailableException.class, () -> Device.open(library, false, 0)),
        "driver version is insufficient", "Update the NVIDIA driver");
    assertEquals("the CPU (built for CUDA too, but there is no NVIDIA driver)",
        Device.open(library, true, 0).description());
    Emulated.machine(2, 13000);
    assertMessage(assertThrows(NativeUnavailableException.class, () -> Device.open(library, false, 2)),
        "SPHERE_DEVICE=cuda:2, but there are 2 GPUs");
    // A GPU that is there but fails is an error also where any device would do: no silent fall-back.
    Emulated.failAt(1, Emulated.NO_DEVICE);
    assertThrows(NativeUnavailableException.class, () -> Device.open(library, true, 0));
  }

  @Test
  void openingFailsAtEveryCall() {
    Map<Integer, Class<? extends RuntimeException>> kinds = Map.of(
        Emulated.OUT_OF_MEMORY, DeviceException.class, Emulated.OLD_DRIVER, NativeUnavailableException.class,
        Emulated.NO_DEVICE, NativeUnavailableException.class, Emulated.NO_KERNELS, NativeUnavailableException.class,
        Emulated.ILLEGAL_ADDRESS, DeviceException.class, Emulated.UNKNOWN, DeviceException.class);
    int failures = 0;
    for (var kind : kinds.entrySet()) {
      for (long at = 1; ; at++) {
        long before = Emulated.calls();
        Emulated.failAt(at, kind.getKey());
        try {
          Device.open(library, false, 0);
        } catch (RuntimeException e) {
          assertInstanceOf(kind.getValue(), e, "call " + at);
          assertMessage(e, ": ");
          failures++;
        }
        boolean all = Emulated.calls() - before < at;
        DeviceMemory.attach(java.lang.foreign.MemorySegment.NULL);
        library.close();
        assertEquals(0, Emulated.live(), "error " + kind.getKey() + " at call " + at);
        Emulated.revive();
        if (all) {
          break;
        }
      }
    }
    assertTrue(failures > 40, failures + " failures");
    assertNotNull(Device.open(library, false, 0), "and then it works");
  }

  /** One optimizer step and what goes with it, on a device's arrays; the value afterwards. */
  private static float[] step(float[] start) {
    try (NativeFloats value = NativeFloats.view(DeviceMemory.allocate(start.length * 4L)) ) {
      try (NativeFloats gradient = value.allocateBeside(start.length);
          NativeFloats m = value.allocateBeside(start.length);
          NativeFloats v = value.allocateBeside(start.length)) {
        value.write(0, start);
        gradient.write(0, start);
        assertEquals(start[1], gradient.get(1));
        m.set(2, 0.5f);
        double squares = OptimizerKernels.sumSquares(gradient, 1);
        var step = new OptimizerKernels.AdamWStep((float) (1 / Math.sqrt(squares)), .9f, .1f, .9f, .99f, 1.2f, 1e-8f);
        OptimizerKernels.adamw(value, gradient, m, v, step, true, 1);
        float[] result = new float[start.length];
        value.read(0, result);
        return result;
      } finally {
        DeviceMemory.free(value.segment());
      }
    }
  }

  private static float[] random(int n) {
    Random random = new Random(3);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  private static float[] stepOnCpu(float[] start) {
    try (NativeFloats value = NativeFloats.allocate(start.length);
        NativeFloats gradient = value.allocateBeside(start.length);
        NativeFloats m = value.allocateBeside(start.length);
        NativeFloats v = value.allocateBeside(start.length)) {
      value.write(0, start);
      gradient.write(0, start);
      m.set(2, 0.5f);
      double squares = OptimizerKernels.sumSquares(gradient, 1);
      var step = new OptimizerKernels.AdamWStep((float) (1 / Math.sqrt(squares)), .9f, .1f, .9f, .99f, 1.2f, 1e-8f);
      OptimizerKernels.adamw(value, gradient, m, v, step, true, 1);
      float[] result = new float[start.length];
      value.read(0, result);
      return result;
    }
  }

  @Test
  void kernelsFindTheDeviceByTheMemory() {
    Device.open(library, false, 0);
    long before = Emulated.calls();
    float[] start = random(1000);
    assertArrayEquals(stepOnCpu(start), step(start), "the same bits");
    assertTrue(Emulated.calls() - before > 20, "the device was asked");
  }

  @Test
  void drawsAndLogProbabilitiesOnTheDevice() {
    Device.open(library, false, 0);
    float[] logits = random(3 * 777);
    NativeFloats there = NativeFloats.view(DeviceMemory.allocate(logits.length * 4L));
    try (NativeFloats here = NativeFloats.allocate(logits.length);
        Draws onDevice = new Draws(30);
        Draws onCpu = new Draws(30);
        TargetLogProbs a = new TargetLogProbs(3);
        TargetLogProbs b = new TargetLogProbs(3)) {
      here.write(0, logits);
      there.write(0, logits);
      for (int i = 0; i < 30; i++) {
        for (Draws d : List.of(onDevice, onCpu)) {
          d.add(i % 3, 1, 2, 3, i, 4, i % 2 == 0 ? 1 : .7f, i % 5 == 0 ? 20 : 0, i % 3 == 0 ? .9f : 1, 0);
        }
      }
      onDevice.sample(there, 777, 1);
      onCpu.sample(here, 777, 1);
      for (int i = 0; i < 30; i++) {
        assertEquals(onCpu.token(i), onDevice.token(i), "draw " + i);
        assertEquals(onCpu.logProb(i), onDevice.logProb(i), 1e-5);
      }
      for (int i = 0; i < 3; i++) {
        a.add(i, 5 * i);
        b.add(i, 5 * i);
      }
      a.compute(there, 777, 1);
      b.compute(here, 777, 1);
      for (int i = 0; i < 3; i++) {
        assertEquals(b.logProb(i), a.logProb(i), 1e-5);
      }
      there.set(5, Float.NaN);
      assertMessage(assertThrows(LlamaException.class, () -> onDevice.sample(there, 777, 1)), "row 0", "NaN");
      Emulated.failAt(3, Emulated.ILLEGAL_ADDRESS);
      DeviceException lost = assertThrows(DeviceException.class, () -> onDevice.sample(there, 777, 1));
      assertTrue(lost.getMessage().contains("answers no more"), lost.getMessage());
      assertMessage(lost, "illegal memory access", "--resume");
      Emulated.revive();
    } finally {
      DeviceMemory.free(there.segment());
    }
  }

  @Test
  void workFailsAtEveryCall() {
    float[] start = random(50);
    for (int error : new int[] {Emulated.OUT_OF_MEMORY, Emulated.UNKNOWN}) {
      int failures = 0;
      for (long at = 1; ; at++) {
        Device.open(library, false, 0);
        long before = Emulated.calls();
        Emulated.failAt(at, error);
        try {
          step(start);
        } catch (DeviceException e) {
          assertEquals(error == Emulated.OUT_OF_MEMORY, e.getMessage().contains("Use smaller batches"), "call " + at);
          assertMessage(e, "failed: ");
          failures++;
        }
        boolean all = Emulated.calls() - before < at;
        Emulated.revive();
        DeviceMemory.attach(java.lang.foreign.MemorySegment.NULL);
        library.close();
        assertEquals(0, Emulated.live(), "error " + error + " at call " + at);
        if (all) {
          break;
        }
      }
      assertTrue(failures > 30, failures + " failures");
    }
  }

  @Test
  void aLibraryThatIsNone() {
    assertMessage(assertThrows(NativeUnavailableException.class,
        () -> CudaLibrary.load(java.nio.file.Path.of("/no/such/libsphere-cuda.so"))),
        "Cannot load", "cannot open shared object", "--cuda");
    assertMessage(assertThrows(NativeUnavailableException.class,
        () -> CudaLibrary.load(NativeRuntime.status().directory().resolve("libsphere.so"))), "has no function");
  }
}
