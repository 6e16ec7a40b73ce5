package dev.sphere.lab.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The rules of the house: floors, rooms, and who may know what. */
class ArchitectureTest {
  private static final Path TOP = Path.of("..").toAbsolutePath().normalize();
  private static final Path PAGE = TOP.resolve("docs/explanation/packages.md");
  /** A package with more source files has more than one job. */
  private static final int MOST_FILES = 25;

  private static JavaClasses classes;

  @BeforeAll
  static void read() {
    List<Path> folders = Packages.MODULES.stream().map(m -> TOP.resolve(m).resolve("target/classes")).toList();
    folders.forEach(f -> assertTrue(Files.isDirectory(f), () -> f + " is missing: build it first (mvn -pl lab -am)"));
    // What JMH writes around the benchmarks is not ours.
    ImportOption ours = location -> !location.contains("/jmh_generated/");
    classes = new ClassFileImporter(List.of(ours)).importPaths(folders);
  }

  @Test
  void dependenciesPointDown() {
    layeredArchitecture().consideringOnlyDependenciesInAnyPackage("dev.sphere..")
        .layer("lab").definedBy("dev.sphere.lab..")
        .layer("cli").definedBy("dev.sphere.cli..", "dev.sphere.boot..")
        .layer("web").definedBy("dev.sphere.web..")
        .layer("trainer").definedBy("dev.sphere.trainer..")
        .layer("engine").definedBy("dev.sphere.engine..")
        .layer("grade").definedBy("dev.sphere.grade..")
        .layer("bindings").definedBy("dev.sphere.bindings..", "dev.sphere.gguf..", "dev.sphere.base..")
        .whereLayer("lab").mayNotBeAccessedByAnyLayer()
        .whereLayer("cli").mayOnlyBeAccessedByLayers("lab")
        .whereLayer("web").mayOnlyBeAccessedByLayers("lab", "cli")
        .whereLayer("trainer").mayOnlyBeAccessedByLayers("lab", "cli", "web")
        .whereLayer("engine").mayOnlyBeAccessedByLayers("lab", "cli", "web", "trainer")
        .whereLayer("grade").mayOnlyBeAccessedByLayers("lab", "cli", "web", "trainer", "engine")
        .whereLayer("grade").mayNotAccessAnyLayer()
        .whereLayer("bindings").mayNotAccessAnyLayer()
        .ensureAllClassesAreContainedInArchitecture()
        .check(classes);
  }

  @Test
  void noCycleBetweenPackages() {
    slices().matching("dev.sphere.(**)").should().beFreeOfCycles().check(classes);
  }

  @Test
  void packagesAreRooms() {
    Map<String, Long> crowded = new TreeMap<>(packages().files());
    crowded.values().removeIf(files -> files <= MOST_FILES);
    assertEquals(Map.of(), crowded, "packages with more than " + MOST_FILES + " files: part them by what they do");
  }

  /**
   * The lowest packages work without any native library. A model file may be mapped into memory; the one call is for a file
   * descriptor that has a number, which Java hides.
   */
  @Test
  void baseAndGgufKnowNoNativeCode() {
    noClasses().that().resideInAnyPackage("dev.sphere.base..", "dev.sphere.gguf..")
        .should().dependOnClassesThat().resideInAnyPackage("dev.sphere.bindings..").check(classes);
    noClasses().that().resideInAnyPackage("dev.sphere.base..", "dev.sphere.gguf..")
        .and().doNotHaveFullyQualifiedName("dev.sphere.base.Descriptor")
        .should().dependOnClassesThat().belongToAnyOf(Linker.class, SymbolLookup.class, FunctionDescriptor.class).check(classes);
  }

  /** Memory that a mistake can crash the JVM with is one module's affair. */
  @Test
  void onlyTheBindingsTouchNativeMemory() {
    noClasses().that().resideOutsideOfPackages("dev.sphere.bindings..", "dev.sphere.gguf..", "dev.sphere.base..")
        .should().dependOnClassesThat().resideInAnyPackage("java.lang.foreign..").check(classes);
  }

  @Test
  void dataDoesNotKnowTheEmbeddedModel() {
    noClasses().that().resideInAnyPackage("dev.sphere.engine.data..")
        .should().dependOnClassesThat().resideInAnyPackage("dev.sphere.engine.embedded..").check(classes);
  }

  /** Written with -Dsphere.docs.write=true. */
  @Test
  void thePageOfPackagesIsTrue() throws IOException {
    String page = packages().page();
    if (Boolean.getBoolean("sphere.docs.write")) {
      Files.writeString(PAGE, page);
    }
    assertEquals(page, Files.exists(PAGE) ? Files.readString(PAGE) : "", "stale: " + PAGE
        + "; write it with mvn -q -pl lab -am -Dtest=ArchitectureTest -Dsurefire.failIfNoSpecifiedTests=false"
        + " -Dsphere.docs.write=true test");
  }

  private static Packages packages() {
    return new Packages(TOP, classes);
  }
}
