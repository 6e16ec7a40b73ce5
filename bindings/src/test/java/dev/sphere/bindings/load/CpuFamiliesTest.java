package dev.sphere.bindings.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.load.CpuFamilies.Family;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which libraries of a jar which CPU gets, and what those are told that get none. */
class CpuFamiliesTest {
  private static final Set<String> V2 = Set.of("sse4_2");
  private static final Set<String> V3 = Set.of("sse4_2", "avx2", "fma");
  private static final Set<String> AMX = Set.of("sse4_2", "avx2", "fma", "avx512f", "amx_tile");
  private static final List<Family> RELEASED = List.of(
      new Family("linux-x86_64", "sapphirerapids", AMX), new Family("linux-x86_64", "x86-64-v3", V3),
      new Family("linux-x86_64", "x86-64-v2", V2), new Family("linux-aarch64", "armv8.2", Set.of("asimddp")));
  private static final List<Family> BUILT_HERE = List.of(new Family("linux-x86_64", "native", V3));

  private static String folder(String platform, String wanted, Set<String> here) {
    return CpuFamilies.choose(RELEASED, platform, wanted, here).family().folder();
  }

  private static String refusal(List<Family> offered, String platform, String wanted, Set<String> here) {
    return assertThrows(NativeUnavailableException.class, () -> CpuFamilies.choose(offered, platform, wanted, here)).getMessage();
  }

  @Test
  void theBestThatTheCpuCanRunIsTaken() {
    assertEquals("linux-x86_64-sapphirerapids", folder("linux-x86_64", "all", AMX));
    assertEquals("linux-x86_64-x86-64-v3", folder("linux-x86_64", "all", Set.of("sse4_2", "avx2", "fma", "avx512f")));
    assertEquals("linux-x86_64-x86-64-v2", folder("linux-x86_64", "all", Set.of("sse4_2", "avx2")));
    assertEquals("linux-aarch64-armv8.2", folder("linux-aarch64", "all", Set.of("asimddp", "sve")));
    assertEquals("linux-x86_64", CpuFamilies.choose(BUILT_HERE, "linux-x86_64", "all", V3).family().folder());
    assertEquals("linux-x86_64-x86-64-v2", folder("linux-x86_64", "all", Set.of()), "nothing is known of the CPU");
  }

  @Test
  void theReasonNamesWhatABetterOneNeeds() {
    assertEquals("x86-64-v3; this CPU is not sapphirerapids (no amx_tile, avx512f)",
        CpuFamilies.choose(RELEASED, "linux-x86_64", "all", V3).reason());
    assertEquals("native, the CPU that built it", CpuFamilies.choose(BUILT_HERE, "linux-x86_64", "all", V3).reason());
    assertEquals("x86-64-v2, asked for by SPHERE_CPU",
        CpuFamilies.choose(RELEASED, "linux-x86_64", "x86-64-v2", AMX).reason());
  }

  @Test
  void onlyWhatTheUserNamesIsConsidered() {
    assertEquals("linux-x86_64-x86-64-v2", folder("linux-x86_64", "x86-64-v2", AMX));
    assertEquals("linux-x86_64-x86-64-v3", folder("linux-x86_64", "x86-64-v2,x86-64-v3", AMX));
    assertEquals("linux-x86_64-sapphirerapids", folder("linux-x86_64", "x86-64-v2,all", AMX));
    assertEquals("SPHERE_CPU=zen4, but this jar has libraries for sapphirerapids, x86-64-v3, x86-64-v2. Name one of those,"
        + " or unset it.", refusal(RELEASED, "linux-x86_64", "zen4", AMX));
    assertEquals("SPHERE_CPU=sapphirerapids needs another CPU: this one has no amx_tile, avx512f.",
        refusal(RELEASED, "linux-x86_64", "sapphirerapids", V3));
  }

  @Test
  void aCpuBelowTheLeastIsToldWhatIsNeeded() {
    String message = refusal(RELEASED, "linux-x86_64", "all", Set.of("sse2"));
    assertTrue(message.startsWith("This jar needs a CPU of the kind x86-64-v2 or better: this one has no sse4_2."), message);
    message = refusal(BUILT_HERE, "linux-x86_64", "all", V2);
    assertTrue(message.contains("built for another CPU: this one has no avx2, fma. Build on this machine"), message);
  }

  @Test
  void anotherSystemIsToldWhatIsNeeded() {
    String message = refusal(RELEASED, "darwin-aarch64", "all", Set.of());
    assertTrue(message.startsWith("No native libraries for darwin-aarch64 are in this jar (it has linux-x86_64,"
        + " linux-aarch64). Build on this machine"), message);
    assertTrue(refusal(RELEASED, "windows-x86_64", "all", Set.of()).endsWith("linux-aarch64). On Windows Sphere runs in WSL2."));
    assertTrue(refusal(List.of(), "linux-x86_64", "all", V3).contains("(it has none)"));
  }
}
