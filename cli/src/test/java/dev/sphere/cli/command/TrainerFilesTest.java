package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Options whose effect is a file or what is printed: the commands as a user calls them. See {@link
 * TrainerOptionsTest}.
 */
class TrainerFilesTest {
  @TempDir
  static Path dir;

  private static Path model;
  private static int files;

  /** Command and option to what is looked at. */
  private static final Map<String, Map<String, Executable>> CASES = new LinkedHashMap<>();

  static {
    train();
    bench();
    recipes();
    models();
    runs();
  }

  /** The options that have a case here, by command. */
  static final Map<String, Set<String>> OPTIONS =
      CASES.entrySet().stream().collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().keySet()));

  private record Done(int status, String out) {
    String last() {
      return Call.last(out);
    }

    JsonNode json() {
      return JsonMapper.shared().readTree(last());
    }

    boolean isJson() {
      try {
        return json().isObject();
      } catch (JacksonException e) {
        return false;
      }
    }
  }

  private static Done call(String words, Object... values) {
    StringWriter text = new StringWriter();
    CommandLine line = new CommandLine(new Main());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setOut(new PrintWriter(text));
    line.setErr(new PrintWriter(text));
    line.setExecutionExceptionHandler((e, command, parsed) -> {
      command.getErr().println(e.getMessage());
      return e instanceof IllegalArgumentException ? 2 : 1;
    });
    int status = line.execute(words.formatted(values).split(" "));
    return new Done(status, text.toString());
  }

  /** A call that must succeed. */
  private static Done good(String words, Object... values) {
    Done done = call(words, values);
    assertEquals(0, done.status, words + "\n" + done.out);
    return done;
  }

  private static void refused(String said, String words, Object... values) {
    Done done = call(words, values);
    assertNotEquals(0, done.status, words);
    assertTrue(done.out.contains(said), done.out);
  }

  /** The last line is an object with --json and not without. */
  private static void jsonOnly(String words) {
    assertTrue(call(words + " --json").isJson() && !call(words).isJson(), words);
  }

  private static void set(String command, String option, Executable look) {
    CASES.computeIfAbsent(command, c -> new LinkedHashMap<>()).put(option, look);
  }

  private static Path fresh(String name) {
    return dir.resolve(files++ + name);
  }

  private static Path text(String name, String text) throws IOException {
    return Files.writeString(fresh(name), text);
  }

  private static byte[] bytes(Path file) throws IOException {
    return Files.readAllBytes(file);
  }

  @BeforeAll
  static void model() {
    model = dir.resolve("m.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 1, model);
  }

  @TestFactory
  Stream<DynamicTest> changedAloneItChangesWhatItShould() {
    return CASES.entrySet().stream().flatMap(
        c -> c.getValue().entrySet().stream().map(o -> DynamicTest.dynamicTest(c.getKey() + " " + o.getKey(),
            o.getValue())));
  }

  private static void train() {
    Map<String, String> rows = Map.of(
        "train dpo", "{\"prompt\":\"1+1=\",\"chosen\":\"2\",\"rejected\":\"3\"}\n",
        "train sft", "{\"prompt\":\"1+1=\",\"completion\":\"2\"}\n",
        "train prm", "{\"prompt\":\"1+1=\",\"completions\":[\"2\",\"3\"],\"labels\":[true,false]}\n");
    rows.forEach((command, row) -> {
      set(command, "--dry-run", () -> {
        Path out = fresh("out");
        Done plan = good(command + " --model %s --threads 1 --data %s --out %s --dry-run", model, text("r.jsonl", row),
            out);
        assertTrue(plan.out.contains("Peak memory about") && Files.notExists(out), plan.out);
      });
      set(command, "--json", () -> {
        String words = command + " --model %s --threads 1 --data %s --steps 1 --out %s";
        Path data = text("r.jsonl", row);
        assertEquals(1, good(words + " --json", model, data, fresh("out")).json().path("steps").asInt());
        assertFalse(good(words, model, data, fresh("out")).isJson());
      });
    });
    set("train sft", "--run", () -> {
      Done planned = good("train sft --model embedded-small --threads 1 --run %s --dry-run --json", search());
      long right = Files.readString(search().resolve("tree.jsonl")).lines().filter(l -> l.contains("\"correct\":true")).count();
      assertTrue(right > 0 && planned.json().path("rows").asInt() > 0, planned.out);
    });
  }

  private static void bench() {
    set("bench rollouts", "--model", () -> refused("no-such.gguf", "bench rollouts --model no-such.gguf"));
    set("bench rollouts", "--json", () ->
        jsonOnly("bench rollouts --model embedded-small --prompt 4 --generate 2 --parallel 1 --repetitions 1"));
    set("bench train", "--json", () ->
        jsonOnly("bench train --model embedded-small --threads 1 --length 9 --prompt 3 --steps 1"));
  }

  private static final String RECIPE = """
      name: few
      model: embedded
      problems: embedded:train
      limit: 6
      seed: 3
      search: {rollouts: 2, candidates: 3, depth: 8, pairing: any, stages: [generation]}
      train: {method: lora, learning_rate: 1e-4, batch_pairs: 4, lora_rank: 4}
      evaluate: {problems: "embedded:validation", limit: 4, max_tokens: 60}
      """;

  private static void recipes() {
    Path[] made = new Path[2];
    set("evolve", "--recipe", () -> {
      refused("no-such.yaml", "evolve --recipe no-such.yaml --run %s", fresh("run"));
      Path other = text("other.yaml", RECIPE.replace("name: few", "nam: few"));
      refused("recipe " + other + ": unknown key 'nam'", "evolve --recipe %s --run %s", other, fresh("run"));
    });
    set("evolve", "--run", () -> {
      made[0] = text("few.yaml", RECIPE);
      made[1] = fresh("few");
      Done told = good("evolve --recipe %s --run %s", made[0], made[1]);
      assertFalse(told.isJson());
      assertTrue(Files.exists(made[1].resolve("round-1/train/adapter.gguf")));
    });
    set("evolve", "--dry-run", () -> {
      Done plan = good("evolve --recipe %s --dry-run --json", made[0]);
      assertTrue(plan.out().contains("the whole    "), plan.out());
      assertTrue(plan.json().path("seconds").asDouble() > plan.json().path("search_seconds").asDouble());
      refused("--run", "evolve --recipe %s", made[0]);
      refused("leave --resume out", "evolve --recipe %s --dry-run --resume", made[0]);
    });
    set("evolve", "--spark", () -> { // nothing of Spark is here
      refused("Spark 4.2", "evolve --recipe %s --run %s --spark local[1]", made[0], fresh("spark"));
      refused("leave --spark out", "evolve --recipe %s --dry-run --spark local[1]", made[0]);
    });
    set("evolve", "--resume", () -> refused("--resume", "evolve --recipe %s --run %s", made[0], made[1]));
    set("evolve", "--json", () -> {
      assertEquals("few", good("evolve --recipe %s --run %s --resume --json", made[0],
          made[1]).json().path("name").asString());
    });
    set("demo", "--resume", () -> {
      Path there = Files.createDirectories(fresh("demo"));
      Files.write(there.resolve("recipe.json"), dev.sphere.engine.store.CheckedLines.frame(
          "{\"model\": \"embedded\", \"problems\": \"p\"}".getBytes(java.nio.charset.StandardCharsets.UTF_8)));
      refused("already holds a run", "demo --quick --run %s", there);
      refused("holds a run of another recipe", "demo --quick --run %s --resume", there);
    });
    // The whole demo is too long here; what prints is evolve's.
    set("demo", "--json", () -> {
      CommandLine line = new CommandLine(new Main());
      CommandLine.ParseResult parsed = line.parseArgs("demo", "--json").subcommand();
      assertEquals(true, parsed.commandSpec().findOption("--json").getValue());
      assertEquals(false, parsed.commandSpec().findOption("--resume").getValue());
    });
    set("demo", "--open", () -> {
      CommandLine line = new CommandLine(new Main());
      CommandLine.ParseResult parsed = line.parseArgs("demo", "--open").subcommand();
      assertEquals(true, parsed.commandSpec().findOption("--open").getValue());
      assertEquals(false, parsed.commandSpec().findOption("--resume").getValue());
    });
  }

  private static Object in(Path gguf, Function<GgufFile, Object> what) {
    try (GgufFile file = GgufFile.open(gguf)) {
      return what.apply(file);
    }
  }

  private static Path random(String more) {
    Path out = fresh("random.gguf");
    good("model random --like tiny-qwen2 --out %s" + more, out);
    return out;
  }

  /** An adapter of ones on one matrix. */
  private static Path adapter(float value) {
    Path file = fresh("adapter.gguf");
    float[] values = new float[64];
    java.util.Arrays.fill(values, value);
    new GgufWriter().put("general.architecture", GgufValue.string("qwen2"))
        .put("general.type", GgufValue.string("adapter"))
        .put("adapter.type", GgufValue.string("lora"))
        .put("adapter.lora.alpha", GgufValue.f32(2))
        .tensor("blk.0.attn_q.weight.lora_a", GgmlType.F32, List.of(64L, 1L), values)
        .tensor("blk.0.attn_q.weight.lora_b", GgmlType.F32, List.of(1L, 64L), values).write(file);
    return file;
  }

  private static Path llama() {
    Path file = fresh("llama.gguf");
    RandomModel.write(RandomModel.like("tiny-llama"), ByteVocabulary.metadata(), GgmlType.F32, 1, file);
    return file;
  }

  private static void models() {
    set("model random", "--out", () -> assertEquals(-1, Files.mismatch(random(""), random(""))));
    set("model random", "--seed", () -> assertNotEquals(-1, Files.mismatch(random(""), random(" --seed 1"))));
    set("model random", "--like", () -> {
      Path out = fresh("random.gguf");
      good("model random --like tiny-llama --out %s", out);
      assertEquals("llama", in(out, GgufFile::architecture));
    });
    set("model random", "--type", () -> {
      assertEquals(GgmlType.Q8_0, in(random(" --type q8_0"), f -> f.tensor("blk.0.ffn_up.weight").type()));
      assertEquals(GgmlType.BF16, in(random(""), f -> f.tensor("blk.0.ffn_up.weight").type()));
    });
    set("model random", "--layers", () -> assertEquals(3, in(random(" --layers 3"), f -> f.shape().layers())));
    set("model random", "--vocab", () -> assertEquals(
        in(dev.sphere.engine.embedded.ModelSource.resolve("embedded-small"), f -> f.shape().vocabulary()),
        in(random(" --vocab embedded-small"), f -> f.shape().vocabulary())));
    set("model random", "--json", () -> jsonOnly("model random --like tiny-qwen2 --out " + fresh("r.gguf")));
    String merge = "model merge --model %s --adapter %s --out %s";
    set("model merge", "--model", () -> {
      Path one = fresh("one.gguf");
      Path other = fresh("other.gguf");
      Path adapter = adapter(1);
      good(merge, model, adapter, one);
      good(merge, random(" --type f32 --seed 9"), adapter, other);
      try (GgufFile a = GgufFile.open(one); GgufFile b = GgufFile.open(other); GgufFile base = GgufFile.open(model)) {
        String name = "blk.0.attn_q.weight";
        float[] before = base.readFloats(name);
        float[] after = a.readFloats(name);
        for (int i = 0; i < after.length; i++) {
          assertEquals(before[i] + 2, after[i], 1e-5, "W + (alpha / rank) B A");
        }
        assertFalse(java.util.Arrays.equals(after, b.readFloats(name)));
      }
    });
    set("model merge", "--adapter", () -> {
      Path one = fresh("one.gguf");
      Path other = fresh("other.gguf");
      good(merge, model, adapter(1), one);
      good(merge, model, adapter(2), other);
      assertNotEquals(-1, Files.mismatch(one, other));
    });
    set("model merge", "--type", () -> {
      Path out = fresh("merged.gguf");
      good(merge + " --type f16", model, adapter(1), out);
      assertEquals(GgmlType.F16, in(out, f -> f.tensor("blk.0.ffn_up.weight").type()));
    });
    set("model merge", "--out", () -> {
      Path out = fresh("merged.gguf");
      assertTrue(good(merge, model, adapter(1), out).out.contains(out.toString()) && Files.exists(out));
    });
    set("model merge", "--json", () -> {
      assertEquals(1, good(merge + " --json", model, adapter(1), fresh("x.gguf")).json().path("changed").size());
      assertFalse(good(merge, model, adapter(1), fresh("x.gguf")).isJson());
    });
    set("model merge", "--check-text", () -> {
      Path text = fresh("text.txt");
      Files.writeString(text, "three words here");
      JsonNode own = good(merge + " --json", model, adapter(1), fresh("x.gguf")).json().path("log_probs");
      JsonNode told = good(merge + " --json --check-text %s", model, adapter(1), fresh("x.gguf"), text).json().path("log_probs");
      assertTrue(told.path("tokens").asInt() > 0 && told.path("tokens").asInt() < own.path("tokens").asInt(), own + " " + told);
      refused("no effect", merge + " --no-check --check-text %s", model, adapter(1), fresh("x.gguf"), text);
    });
    set("model merge", "--no-check", () -> assertTrue(
        good(merge + " --json --no-check", model, adapter(1), fresh("x.gguf")).json().path("log_probs").isMissingNode()));
    String export = "model adapter --model %s --adapter %s --to-peft %s";
    set("model adapter", "--to-peft", () -> {
      Path peft = fresh("peft");
      good(export, model, adapter(1), peft);
      assertTrue(Files.exists(peft.resolve("adapter_model.safetensors")));
      refused("give either", "model adapter --model %s --adapter %s", model, adapter(1));
    });
    set("model adapter", "--from-peft", () -> {
      Path adapter = adapter(1);
      Path peft = fresh("peft");
      Path back = fresh("back.gguf");
      good(export, model, adapter, peft);
      good("model adapter --model %s --adapter %s --from-peft %s", model, back, peft);
      assertEquals(in(adapter, f -> f.tensors().keySet()), in(back, f -> f.tensors().keySet()));
    });
    set("model adapter", "--adapter", () -> {
      Path one = fresh("peft");
      Path other = fresh("peft");
      good(export, model, adapter(1), one);
      good(export, model, adapter(2), other);
      String weights = "adapter_model.safetensors";
      assertFalse(java.util.Arrays.equals(bytes(one.resolve(weights)), bytes(other.resolve(weights))));
    });
    set("model adapter", "--model", () -> refused("is for the architecture qwen2", export, llama(), adapter(1),
        fresh("x")));
    set("model adapter", "--base-name", () -> {
      Path peft = fresh("peft");
      good(export + " --base-name some/base", model, adapter(1), peft);
      assertTrue(Files.readString(peft.resolve("adapter_config.json")).contains("\"some/base\""));
    });
    set("model info", "FILE", () -> assertNotEquals(
        good("model info %s", model).out, good("model info %s", llama()).out));
    set("model info", "--context", () -> {
      long few = good("model info %s --json --context 64", model).json().path("memory").path("context").asLong();
      assertEquals(64, few);
    });
    set("model info", "--json", () -> jsonOnly("model info " + model));
    set("doctor", "--json", () -> jsonOnly("doctor"));
  }

  private static Path shared;

  private static String searched(String more, Path run) {
    return "search --model embedded-small --problems embedded:train --limit 4 --prm random --candidates 3 --stages "
        + "generation --run " + run + more;
  }

  /** A run over four problems. */
  private static Path search() {
    if (shared == null) {
      shared = fresh("run");
      good(searched("", shared));
    }
    return shared;
  }

  private static List<String> problems() throws IOException {
    return dev.sphere.engine.store.RunReader.read(search()).problems().stream().map(dev.sphere.engine.Problem::id).toList();
  }

  private static long pages(Path out, List<String> ids) throws IOException {
    String index = Files.readString(out.resolve("index.html"));
    return ids.stream().filter(index::contains).count();
  }

  private static void runs() {
    set("run merge", "RUN", () -> {
      List<Path> parts = new ArrayList<>();
      for (String shard : List.of("1/2", "2/2")) {
        Path part = fresh("part");
        good(searched(" --shard " + shard, part));
        parts.add(part);
      }
      Path whole = fresh("whole");
      Done merged = good("run merge --out %s %s %s --json", whole, parts.getFirst(), parts.getLast());
      assertEquals(4, merged.json().path("problems").asInt());
      assertEquals(2, merged.json().path("runs").asInt());
      assertEquals(-1, Files.mismatch(search().resolve("problems.jsonl"), whole.resolve("problems.jsonl")));
      Done told = good("run merge --out %s %s %s", fresh("again"), parts.getFirst(), parts.getLast());
      assertFalse(told.isJson());
      refused("whole", "run merge --out %s %s %s", whole, parts.getFirst(), parts.getLast());
      refused("--out DIR", "run merge %s %s", parts.getFirst(), parts.getLast());
      refused("no finished shards", "run merge %s", fresh("none"));
    });
    set("eval merge", "FILE", () -> {
      String asking = "eval --model embedded-small --problems embedded:validation --limit 5 --samples 1 --max-tokens 9 --out %s";
      Path whole = fresh("whole.jsonl");
      good(asking, whole);
      Path out = fresh("answers.jsonl");
      refused("no finished shards", "eval merge %s", out);
      good(asking + " --shard 2/2", out);
      refused("shard 1/2 is missing", "eval merge %s", out);
      good(asking + " --shard 1/2", out);
      assertTrue(good(asking + " --shard 1/2", out).out.contains("whole already"));
      refused("seed is \"1\", not \"7\"", asking + " --shard 1/2 --seed 7", out);
      assertEquals(5, good("eval merge %s --json", out).json().path("n").asInt());
      assertEquals(-1, Files.mismatch(whole, out));
      refused("SLURM_ARRAY_TASK_ID", asking + " --shard auto", out);
      refused("give --out FILE", asking.replace(" --out %s", "") + " --shard 1/2");
      Path shard = out.resolveSibling(out.getFileName() + ".shards").resolve("00001.jsonl");
      Files.writeString(shard, Files.readString(shard).replaceFirst("\"text\":\"", "\"text\":\"x"));
      refused("shard 1/2 is damaged", "eval merge %s", out);
      good(asking + " --shard 1/2", out);
      good("eval merge %s", out);
      assertEquals(-1, Files.mismatch(whole, out), "asked again");
    });
    CASES.get("eval merge").put("--json", () -> { });
    CASES.get("run merge").put("--out", () -> { }); // both in the case before
    CASES.get("run merge").put("--json", () -> { });
    set("pages", "--run", () -> {
      Path out = fresh("pages");
      good("pages --run %s --out %s", search(), out);
      assertEquals(4, pages(out, problems()));
      refused("no-such", "pages --run no-such --out %s", out);
    });
    set("pages", "--out", () -> {
      Path out = fresh("pages/deep");
      good("pages --run %s --out %s", search(), out);
      assertTrue(Files.exists(out.resolve("index.html")));
    });
    set("pages", "--problem", () -> {
      Path out = fresh("pages");
      String id = problems().get(2);
      assertEquals(1, good("pages --run %s --out %s --problem %s --json", search(), out,
          id).json().path("pages").asInt());
      assertEquals(1, pages(out, List.of(id)));
      refused("has no problem nobody", "pages --run %s --out %s --problem nobody", search(), fresh("x"));
    });
    set("pages", "--limit", () -> {
      String words = "pages --run %s --out %s --json --limit ";
      assertEquals(3, good(words + 3, search(), fresh("pages")).json().path("pages").asInt());
      assertEquals(4, good(words + 0, search(), fresh("pages")).json().path("pages").asInt());
      assertEquals(4, good(words + 99, search(), fresh("pages")).json().path("pages").asInt());
    });
    set("pages", "--json", () -> assertFalse(good("pages --run %s --out %s", search(), fresh("pages")).isJson()));
  }
}
