package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sphere.cli.Main;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every command that writes, on a disk that is full and on one that is mounted read-only: one line says what could not be
 * written, and what was there stays as it was. The disk is a tmpfs in a namespace of its own; where the system grants none, a limit
 * of a file's size and a folder without the right to write stand in.
 */
class FullDiskTest {
  private static final String BEFORE = "what was there\n";

  @TempDir private Path temporary;
  private final List<String> calls = new ArrayList<>();

  private void inputs() throws IOException {
    Path model = temporary.resolve("tiny.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 1, model);
    Path prompts = Files.writeString(temporary.resolve("prompts.jsonl"), "{\"prompt\":\"Tom has 3 pens.\"}\n");
    Path rows = Files.writeString(temporary.resolve("rows.jsonl"), "{\"prompt\":\"aaaa\",\"completion\":\"bcd\"}\n".repeat(4));
    Path recipe = Files.writeString(temporary.resolve("recipe.yaml"), """
        model: embedded-small
        problems: embedded:train
        limit: 2
        search: {prm: random, candidates: 2, depth: 4, pairing: any}
        evaluate: {problems: "embedded:validation", limit: 2, max_tokens: 5}
        """);
    Path run = temporary.resolve("run");
    assertEquals(0, Main.run("search", "--model", "embedded", "--problems", "embedded:train", "--limit", "2", "--prm", "outcome",
        "--candidates", "4", "--simulations", "3", "--stages", "generation", "--pairing", "any", "--run", run.toString()));
    String searching = "search --model embedded-small --problems embedded:train --limit 2 --prm random --candidates 2 ";
    Path pairs = Files.writeString(temporary.resolve("pairs.jsonl"), "{\"prompt\":\"aaaa\",\"chosen\":\"bcd\",\"rejected\":\"d\"}\n".repeat(4));
    Path steps = Files.writeString(temporary.resolve("steps.jsonl"), "{\"prompt\":\"1+1=\",\"completions\":[\"2\",\"3\"],\"labels\":[true,false]}\n");
    Path graded = Files.writeString(temporary.resolve("graded.jsonl"), "{\"gold\":\"1/2\",\"pred\":\"0.5\"}\n");
    Path golds = Files.writeString(temporary.resolve("golds.jsonl"), "{\"question\":\"q\",\"answer\":\"1/2\"}\n{\"question\":\"r\",\"answer\":\"0.5\"}\n");
    for (int number = 1; number <= 2; number++) {
      assertEquals(0, Main.run("search", "--model", "embedded-small", "--problems", "embedded:train", "--limit", "2", "--prm", "random",
          "--candidates", "2", "--shard", number + "/2", "--run", temporary.resolve("part" + number).toString()));
    }
    assertEquals(0, Main.run("train", "sft", "--model", model.toString(), "--data", rows.toString(), "--lora-rank", "4", "--steps", "1",
        "--out", temporary.resolve("trained").toString()));
    Path adapter = temporary.resolve("trained/adapter.gguf");
    assertEquals(0, Main.run("model", "adapter", "--model", model.toString(), "--adapter", adapter.toString(), "--to-peft",
        temporary.resolve("peft").toString()));
    String asking = "eval --model embedded-small --problems embedded:validation --limit 2 --max-tokens 5 ";
    calls.addAll(List.of(
        searching + "--run DISK/run",
        asking + "--out DISK/answers.jsonl",
        asking + "--html DISK/page.html",
        "generate --model embedded-small --max-tokens 2 --in " + prompts + " --out DISK/completions.jsonl",
        asking + "--markdown DISK/page.md",
        asking + "--shard 1/2 --out DISK/sharded.jsonl",
        "eval prm --model embedded-small --prm random --steps embedded:steps --steps-limit 2 --out DISK/steps.jsonl",
        "grade --in " + graded + " --out DISK/verdicts.jsonl",
        "grade --golds " + golds + " --out DISK/same.jsonl",
        "run merge --out DISK/merged " + temporary.resolve("part1") + " " + temporary.resolve("part2"),
        "export --run " + run + " --format trl-parquet --out DISK/pairs.parquet",
        "export --run " + run + " --kind stepwise --format trl-jsonl --out DISK/stepwise.jsonl",
        "train dpo --model " + model + " --data " + pairs + " --lora-rank 4 --out DISK/dpo",
        "train prm --model " + model + " --data " + steps + " --method full --steps 1 --model-out DISK/prm.gguf",
        "train sft --model " + model + " --data " + rows + " --method full --steps 1 --out " + temporary.resolve("full")
            + " --model-out DISK/full.gguf",
        "model merge --model " + model + " --adapter " + adapter + " --out DISK/merged.gguf",
        "model adapter --model " + model + " --adapter " + adapter + " --to-peft DISK/peft",
        "model adapter --model " + model + " --from-peft " + temporary.resolve("peft") + " --adapter DISK/adapter.gguf",
        "demo --run DISK/demo",
        "score --model " + model + " --in " + rows + " --out DISK/scores.jsonl",
        "pages --run " + run + " --out DISK/pages",
        "export --run " + run + " --format trl-jsonl --out DISK/pairs.jsonl",
        "train sft --model " + model + " --data " + rows + " --lora-rank 4 --out DISK/train",
        "evolve --recipe " + recipe + " --run DISK/evolve",
        "model random --like tiny-qwen2 --out DISK/random.gguf"));
  }

  /** The child: calls one line of the file after the other and prints the statuses. */
  public static void main(String[] args) throws IOException {
    Path disk = Path.of(args[1]);
    if (args.length > 2) {
      for (String call : Files.readAllLines(Path.of(args[0]))) {
        fillUp(call, disk, Path.of(args[2]));
      }
      return;
    }
    for (String call : Files.readAllLines(Path.of(args[0]))) {
      List<String> words = new ArrayList<>(List.of(call.replace("DISK", disk.toString()).split(" ")));
      System.out.println("CALL " + call);
      System.out.println("STATUS " + Main.run(words.toArray(String[]::new)));
      for (String name : there(List.of(call))) {
        if (!Files.readString(disk.resolve(name)).equals(BEFORE)) {
          System.out.println("LOST " + name);
        }
      }
      if (Files.isWritable(disk)) {
        System.out.println("LEFT " + empty(disk));
      }
    }
    System.out.println("END");
  }

  /** Makes a call when 64 KiB are free, and again when there is room; what came of it is copied to a folder. */
  private static void fillUp(String call, Path disk, Path results) throws IOException {
    Path file = disk.resolve(there(List.of(call)).getFirst());
    Path part = disk.resolve(file.getFileName() + ".part");
    Path ballast = disk.resolve("ballast");
    Files.write(ballast, new byte[(int) Files.getFileStore(disk).getUsableSpace() - (64 << 10)]);
    System.out.println("FULL " + Main.run(call.replace("DISK", disk.toString()).split(" ")) + " " + Files.exists(file));
    long kept = Files.exists(part) ? Files.readString(part, StandardCharsets.ISO_8859_1).lines().count() : 0;
    Files.delete(ballast);
    System.out.println("ROOM " + Main.run((call + " --resume").replace("DISK", disk.toString()).split(" ")) + " " + Files.exists(part));
    Files.copy(file, results.resolve(file.getFileName()));
    Files.delete(file);
    System.out.println("KEPT " + kept);
  }

  /** The files that calls write by name: each is there before, with {@link #BEFORE}. */
  private static List<String> there(List<String> calls) {
    return calls.stream().flatMap(call -> Stream.of(call.split(" "))).filter(word -> word.matches("DISK/.+\\.[a-z]+"))
        .map(word -> word.substring("DISK/".length())).toList();
  }

  /** Removes all but the ballast and what was there before; the answer is whether a temporary file was among it. */
  private static boolean empty(Path disk) throws IOException {
    boolean[] temporary = new boolean[1];
    Files.walkFileTree(disk, new SimpleFileVisitor<>() {
      @Override
      public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
        temporary[0] |= file.toString().endsWith(".tmp");
        if (!file.endsWith("ballast") && !Files.readString(file, StandardCharsets.ISO_8859_1).equals(BEFORE)) {
          Files.delete(file);
        }
        return FileVisitResult.CONTINUE;
      }

      @Override
      public FileVisitResult postVisitDirectory(Path folder, IOException e) throws IOException {
        if (!folder.equals(disk)) {
          Files.delete(folder);
        }
        return FileVisitResult.CONTINUE;
      }
    });
    return temporary[0];
  }

  private String java(Path list, Path disk) {
    return "exec " + Path.of(System.getProperty("java.home"), "bin", "java")
        + " --enable-native-access=ALL-UNNAMED -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xmx512m -cp '"
        + System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")) + "' "
        + FullDiskTest.class.getName() + " " + list + " " + disk;
  }

  private static List<String> said(ProcessBuilder child, Path disk) throws Exception {
    Process process = child.redirectErrorStream(true).directory(disk.toFile()).start();
    List<String> said = process.inputReader().lines().toList();
    assertEquals(0, process.waitFor(), String.join("\n", said));
    return said;
  }

  private static boolean mounts(String mounting) throws Exception {
    return new ProcessBuilder("unshare", "-rm", "sh", "-c", mounting).start().waitFor() == 0;
  }

  private List<String> run(String prepare, String otherwise) throws Exception {
    inputs();
    Path disk = Files.createDirectories(temporary.resolve("disk"));
    String java = java(Files.write(temporary.resolve("calls"), calls), disk);
    String mounting = "mount -t tmpfs -o size=1m tmpfs " + disk;
    String before = there(calls).stream().map(name -> "echo what was there > " + disk.resolve(name)).collect(Collectors.joining(" && "));
    ProcessBuilder child = mounts(mounting) ? new ProcessBuilder("unshare", "-rm", "sh", "-c", mounting + " && " + before + " && " + prepare + " && " + java)
        : new ProcessBuilder("sh", "-c", before + " && " + otherwise + " && " + java);
    return said(child, disk);
  }

  private void everyCallFails(List<String> said) {
    int at = -1;
    for (String call : calls) {
      at = said.indexOf("CALL " + call);
      List<String> of = said.subList(at + 1, said.size());
      int end = 0;
      while (!of.get(end).startsWith("STATUS ")) {
        end++;
      }
      String all = call + "\n" + String.join("\n", of.subList(0, end + 1));
      assertTrue(List.of("STATUS 1", "STATUS 2").contains(of.get(end)), all);
      assertFalse(of.get(end + 1).startsWith("LOST"), all + "\n" + of.get(end + 1));
      List<String> errors = of.subList(0, end).stream().filter(line -> line.startsWith("sphere: ")).toList();
      assertEquals(1, errors.size(), all);
      assertTrue(errors.getFirst().contains(temporary.resolve("disk").toString()), all);
      assertTrue(of.subList(0, end).stream().noneMatch(line -> line.startsWith("\tat ")), all);
      assertFalse(of.get(end + 1).equals("LEFT true"), "a temporary file is left: " + all);
    }
  }

  @Test
  void aFullDiskIsSaidInOneLine() throws Exception {
    String disk = temporary.resolve("disk").toString();
    everyCallFails(run("{ head -c 1048576 /dev/zero > " + disk + "/ballast || true; }", "ulimit -f 0"));
  }

  @Test
  void aReadOnlyDiskIsSaidInOneLine() throws Exception {
    String disk = temporary.resolve("disk").toString();
    everyCallFails(run("mount -o remount,ro " + disk, "chmod 555 " + disk));
  }

  @Test
  void whatWasDoneBeforeTheDiskWasFullIsKept() throws Exception {
    Path disk = Files.createDirectories(temporary.resolve("disk"));
    String mounting = "mount -t tmpfs -o size=1m tmpfs " + disk;
    assumeTrue(mounts(mounting), "no disk can be mounted here");
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 1500; i++) {
      rows.append("{\"prompt\":\"Tom has ").append(i).append(" pens. \",\"completion\":\"Ann has ").append(7 * i).append(".\"}\n");
    }
    Path in = Files.writeString(temporary.resolve("many.jsonl"), rows);
    List<String> filling = List.of(
        "generate --model embedded-small --max-tokens 2 --in " + in + " --out DISK/completions.jsonl",
        "score --model embedded-small --in " + in + " --out DISK/scores.jsonl",
        "eval --model embedded-small --problems embedded:train --limit 400 --max-tokens 5 --out DISK/answers.jsonl");
    Path results = Files.createDirectory(temporary.resolve("results"));
    Path list = Files.write(temporary.resolve("filling"), filling);
    List<String> said = said(new ProcessBuilder("unshare", "-rm", "sh", "-c", mounting + " && " + java(list, disk) + " " + results), disk);
    String all = String.join("\n", said);
    assertEquals(filling.size(), said.stream().filter("FULL 1 false"::equals).count(), all);
    assertEquals(filling.size(), said.stream().filter("ROOM 0 false"::equals).count(), all);
    said.stream().filter(line -> line.startsWith("KEPT ")).forEach(line -> assertTrue(Integer.parseInt(line.substring(5)) > 3, all));
    for (String call : filling) {
      Path whole = Files.createDirectories(temporary.resolve("whole"));
      assertEquals(0, Main.run(call.replace("DISK", whole.toString()).split(" ")));
      String name = there(List.of(call)).getFirst();
      assertEquals(-1, Files.mismatch(whole.resolve(name), results.resolve(name)), name);
    }
  }
}
