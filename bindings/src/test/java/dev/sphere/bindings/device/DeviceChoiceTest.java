package dev.sphere.bindings.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.load.NativeUnavailableException;
import dev.sphere.bindings.tensor.Backend;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a process chooses to compute on, in JVMs of their own. */
class DeviceChoiceTest {
  /** The child: prints the device, or why there is none. */
  static final class Probe {
    private Probe() {}

    public static void main(String[] args) {
      try (Backend backend = Backend.open(1)) {
        System.out.println(Device.current().description() + " products " + backend.offersProducts());
      } catch (NativeUnavailableException e) {
        System.out.println("refused: " + e.getMessage());
      }
      Device.cudaReport().forEach(line -> System.out.println("report: " + line));
    }
  }

  private static String choice(String wanted, boolean library, Map<String, String> environment) throws Exception {
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--enable-native-access=ALL-UNNAMED",
        "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path")));
    if (library) {
      command.add("-Dsphere.cuda.library=" + Emulated.FILE);
    }
    command.add(Probe.class.getName());
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().remove("SPHERE_DEVICE");
    builder.environment().putAll(environment);
    if (wanted != null) {
      builder.environment().put("SPHERE_DEVICE", wanted);
    }
    Process child = builder.start();
    String out = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, child.waitFor(), out);
    return out;
  }

  @Test
  void onlyWhatWasAskedFor() throws Exception {
    String cuda = "GPU 0: Emulated device, sm_90, 1 SMs, 8.0 GiB products false";
    String auto = choice(null, true, Map.of());
    assertTrue(auto.startsWith(cuda), auto);
    assertTrue(auto.contains("report: CUDA runtime 13.0, driver for CUDA 13.0"), auto);
    String cpu = choice("cpu", true, Map.of());
    assertTrue(cpu.startsWith("the CPU products true"), cpu);
    String none = choice("auto", true, Map.of("SPHERE_EMU_DRIVER", "0"));
    assertTrue(none.startsWith("the CPU (built for CUDA too, but there is no NVIDIA driver) products true"), none);
    String old = choice("cuda", true, Map.of("SPHERE_EMU_DRIVER", "0"));
    assertTrue(old.startsWith("refused: ") && old.contains("SPHERE_DEVICE=cpu"), old);
    String unbuilt = choice("cuda:1", false, Map.of());
    assertTrue(unbuilt.startsWith("refused: SPHERE_DEVICE=cuda:1, but Sphere was built without CUDA"), unbuilt);
    String unknown = choice("gpu", true, Map.of());
    assertTrue(unknown.startsWith("refused: SPHERE_DEVICE=gpu is unknown"), unknown);
  }
}
