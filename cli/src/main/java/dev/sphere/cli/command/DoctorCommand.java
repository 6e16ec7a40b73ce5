package dev.sphere.cli.command;

import dev.sphere.cli.option.Ending;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere doctor}: what is there, what is missing, and how to get it. */
@Command(
    name = "doctor",
    description = "Says what is there and what is missing, and how to get it.",
    mixinStandardHelpOptions = true)
public final class DoctorCommand implements Callable<Integer> {
  @Option(names = "--json", description = "One JSON object on one line instead of text.")
  private boolean json;

  @Spec private CommandSpec spec;

  /** 0 when nothing that Sphere needs is missing, else 2. */
  @Override
  public Integer call() {
    List<Doctor.Finding> findings = Doctor.examine();
    boolean healthy = findings.stream().noneMatch(f -> f.state() == Doctor.State.MISSING);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(JsonMapper.shared().writeValueAsString(asMap(findings, healthy)));
    } else {
      findings.forEach(f -> print(out, f));
      out.println(healthy ? "Everything that Sphere needs is there." : "Something is missing: see above.");
    }
    Ending.print(spec, healthy ? "demo --quick" : "");
    return healthy ? 0 : 2;
  }

  private static void print(PrintWriter out, Doctor.Finding finding) {
    String mark =
        switch (finding.state()) {
          case OK -> "ok     ";
          case ABSENT -> "-      ";
          case MISSING -> "MISSING";
        };
    out.printf("%s  %-12s %s%n", mark, finding.name(), finding.detail());
    if (finding.remedy() != null) {
      out.printf("%24s-> %s%n", "", finding.remedy());
    }
  }

  private static Map<String, Object> asMap(List<Doctor.Finding> findings, boolean healthy) {
    List<Map<String, Object>> list = new ArrayList<>();
    for (Doctor.Finding finding : findings) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("name", finding.name());
      entry.put("state", finding.state().name().toLowerCase(java.util.Locale.ROOT));
      entry.put("detail", finding.detail());
      entry.put("remedy", finding.remedy());
      list.add(entry);
    }
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("healthy", healthy);
    all.put("version", Version.text());
    all.put("findings", list);
    return all;
  }
}
