package dev.sphere.lab.architecture;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Sphere's packages and the arrows between them, as docs/explanation/packages.md draws them. */
final class Packages {
  /** The modules, the highest first. */
  static final List<String> MODULES = List.of("lab", "cli", "web", "trainer", "engine", "grade", "bindings");

  private static final Pattern SENTENCE = Pattern.compile("/\\*\\*(.*?)\\*/\\s*package ", Pattern.DOTALL);

  private final Path top;
  /** By module: the packages with classes in them. */
  private final Map<String, TreeSet<String>> packages = new LinkedHashMap<>();
  /** By package: the other packages of Sphere that its classes name. */
  private final TreeMap<String, TreeSet<String>> uses = new TreeMap<>();

  Packages(Path top, JavaClasses classes) {
    this.top = top;
    for (String module : MODULES) {
      packages.put(module, new TreeSet<>());
      sources(module).forEach(s -> packages.get(module).add(packageOf(s)));
    }
    Set<String> ours = packages.values().stream().flatMap(Set::stream).collect(Collectors.toSet());
    for (JavaClass c : classes) {
      TreeSet<String> of = uses.computeIfAbsent(c.getPackageName(), p -> new TreeSet<>());
      c.getDirectDependenciesFromSelf().stream().map(d -> d.getTargetClass().getBaseComponentType().getPackageName())
          .filter(p -> !p.equals(c.getPackageName()) && ours.contains(p)).forEach(of::add);
    }
  }

  /** The number of source files in each package, its package-info apart. */
  Map<String, Long> files() {
    return MODULES.stream().flatMap(m -> sources(m).stream())
        .filter(s -> !s.endsWith("package-info.java"))
        .collect(Collectors.groupingBy(this::packageOf, TreeMap::new, Collectors.counting()));
  }

  /** The page. */
  String page() {
    StringBuilder out = new StringBuilder("""
        # Packages

        A test writes this page and holds it against the code (`ArchitectureTest` in `lab`); write it again with:

            mvn -q -pl lab -am -Dtest=ArchitectureTest -Dsurefire.failIfNoSpecifiedTests=false -Dsphere.docs.write=true test

        An arrow points from a package to one that it uses. Arrows lead down: from `cli` to `web` to `trainer` to `engine` to `grade` and
        `bindings`, and never in a circle. `lab` is not part of the product. The drawings leave out what follows from other arrows: where A uses B and B uses
        C, no arrow from A to C is drawn. The tables have them all. Names are without `dev.sphere`.

        """);
    out.append("## Modules\n\n```mermaid\nflowchart TD\n");
    out.append("""
          lab --> cli
          cli --> web
          web --> trainer
          trainer --> engine
          engine --> grade
          engine --> bindings
          spark --> cli
          bindings --> native["native: libsphere, llama.cpp"]
        ```
        """);
    packages.forEach((module, names) -> module(out, module, names));
    return out.toString();
  }

  private void module(StringBuilder out, String module, Set<String> names) {
    out.append("\n## ").append(module).append("\n\n```mermaid\nflowchart TD\n");
    for (String name : names) {
      out.append("  ").append(node(name)).append("[\"").append(shortName(name)).append("\"]\n");
    }
    for (String name : names) {
      for (String used : uses(name)) {
        if (names.contains(used) && uses(name).stream().noneMatch(via -> !via.equals(used) && reaches(via, used))) {
          out.append("  ").append(node(name)).append(" --> ").append(node(used)).append('\n');
        }
      }
    }
    out.append("```\n\n| package | what it is | uses |\n|---|---|---|\n");
    for (String name : names) {
      out.append("| `").append(shortName(name)).append("` | ").append(sentence(module, name)).append(" | ")
          .append(uses(name).stream().map(Packages::shortName).collect(Collectors.joining(", "))).append(" |\n");
    }
  }

  private Set<String> uses(String name) {
    return uses.getOrDefault(name, new TreeSet<>());
  }

  private boolean reaches(String from, String to) {
    List<String> open = new ArrayList<>(List.of(from));
    Set<String> seen = new TreeSet<>(open);
    while (!open.isEmpty()) {
      for (String next : uses(open.removeLast())) {
        if (next.equals(to)) {
          return true;
        }
        if (seen.add(next)) {
          open.add(next);
        }
      }
    }
    return false;
  }

  /** The first sentence of the package's Javadoc. */
  private String sentence(String module, String name) {
    Path file = roots(module).map(r -> r.resolve(name.replace('.', '/') + "/package-info.java")).filter(Files::exists)
        .findFirst().orElseThrow(() -> new IllegalStateException("the package " + name + " has no package-info.java"));
    try {
      Matcher m = SENTENCE.matcher(Files.readString(file));
      if (!m.find()) {
        throw new IllegalStateException("no Javadoc in the package-info.java of " + name);
      }
      String text = m.group(1).replaceAll("(?m)^\\s*\\* ?", " ").replaceAll("\\{@(?:code|link) ([^}]*)}", "`$1`")
          .replaceAll("</?[a-z]+>", "").replaceAll("\\s+", " ").strip();
      return text.replaceFirst("(\\.) [A-Z].*", "$1").replace("|", "\\|");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Stream<Path> roots(String module) {
    return Stream.of("src/main/java", "src/boot/java").map(top.resolve(module)::resolve).filter(Files::isDirectory);
  }

  private List<Path> sources(String module) {
    return roots(module).flatMap(root -> {
      try (Stream<Path> walk = Files.walk(root)) {
        return walk.filter(p -> p.toString().endsWith(".java")).toList().stream();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }).toList();
  }

  private String packageOf(Path source) {
    String path = source.getParent().toString().replace('\\', '/');
    return path.substring(path.indexOf("/java/") + "/java/".length()).replace('/', '.');
  }

  private static String shortName(String name) {
    return name.replaceFirst("^dev\\.sphere\\.", "");
  }

  private static String node(String name) {
    return shortName(name).replace('.', '_');
  }
}
