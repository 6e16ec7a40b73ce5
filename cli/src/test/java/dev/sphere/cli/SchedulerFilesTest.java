package dev.sphere.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.data.Shard;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * The ready files for schedulers: what they call exists, and the Job has the fields that Kubernetes asks for (batch/v1, of
 * version 1.30), and no others.
 */
class SchedulerFilesTest {
  private static final Path SCRIPTS = Path.of("..", "scripts");

  private static void parses(List<String> words) {
    CommandLine line = new CommandLine(new Main());
    CommandLine.ParseResult parsed = line.parseArgs(words.toArray(String[]::new)).subcommand();
    assertEquals("search", parsed.commandSpec().name());
  }

  /** The fields of an object are among those that its kind has. */
  private static void fields(JsonNode object, String... known) {
    Set<String> others = new TreeSet<>(object.propertyNames());
    others.removeAll(Set.of(known));
    assertEquals(Set.of(), others, object.toString());
  }

  @Test
  void theJobIsOne() throws IOException {
    JsonNode job = YAMLMapper.builder().build().readTree(Files.readString(SCRIPTS.resolve("kubernetes-search.yaml")));
    fields(job, "apiVersion", "kind", "metadata", "spec");
    assertEquals("batch/v1 Job", job.get("apiVersion").asString() + " " + job.get("kind").asString());
    assertTrue(job.at("/metadata/name").asString().matches("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"));
    JsonNode spec = job.get("spec");
    fields(spec, "completionMode", "completions", "parallelism", "backoffLimitPerIndex", "template");
    assertEquals("Indexed", spec.get("completionMode").asString());
    int completions = spec.get("completions").asInt();
    assertTrue(spec.get("parallelism").asInt() <= completions && spec.get("backoffLimitPerIndex").asInt() > 0);
    JsonNode pod = spec.at("/template/spec");
    fields(pod, "restartPolicy", "terminationGracePeriodSeconds", "containers", "volumes");
    assertEquals("Never", pod.get("restartPolicy").asString(), "backoffLimitPerIndex asks for it");
    JsonNode container = pod.get("containers").get(0);
    fields(container, "name", "image", "command", "args", "env", "resources", "volumeMounts");
    Set<String> volumes = new TreeSet<>();
    pod.get("volumes").forEach(v -> volumes.add(v.get("name").asString()));
    for (JsonNode mount : container.get("volumeMounts")) {
      assertTrue(volumes.contains(mount.get("name").asString()) && mount.get("mountPath").asString().startsWith("/"));
    }
    for (JsonNode amounts : container.get("resources")) {
      amounts.forEach(amount -> assertTrue(amount.isString() && amount.asString().matches("[0-9]+(Gi|Mi)?"), amount.toString()));
    }
    List<String> words = new ArrayList<>();
    container.get("args").forEach(word -> words.add(word.asString()));
    parses(words);
    assertEquals(new Shard(completions, completions, true),
        Shard.of(words.getLast(), Map.of("JOB_COMPLETION_INDEX", String.valueOf(completions - 1))));
  }

  @Test
  void theBatchScriptCallsASearch() throws IOException {
    String script = Files.readString(SCRIPTS.resolve("slurm-search.sh"));
    String call = script.lines().filter(line -> line.startsWith("exec ./sphere ")).findFirst().orElseThrow();
    parses(List.of(call.replace("exec ./sphere ", "").replace("\"", "").split(" ")));
    assertTrue(call.contains("--shard \"auto/$SHARDS\""), call);
    for (String line : script.lines().filter(l -> l.startsWith("#SBATCH")).toList()) {
      assertTrue(line.matches("#SBATCH --[a-z-]+(=\\S+)?"), line);
    }
  }
}
