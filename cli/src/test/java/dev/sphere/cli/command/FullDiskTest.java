package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every command that writes, on a disk that is full and on one that is mounted read-only: one line says what could not be
 * written, and what was there stays. The disk is a tmpfs in a namespace of its own; where the system grants none, a limit
 * of a file's size and a folder without the right to write stand in.
 */
class FullDiskTest {
  @TempDir private Path temporary;
  private final List<String> calls = new ArrayList<>();

  @BeforeEach
  void inputs() throws IOException {
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
    String asking = "eval --model embedded-small --problems embedded:validation --limit 2 --max-tokens 5 ";
    calls.addAll(List.of(
        searching + "--run DISK/run",
        asking + "--out DISK/answers.jsonl",
        asking + "--html DISK/page.html",
        "generate --model embedded-small --max-tokens 2 --in " + prompts + " --out DISK/completions.jsonl",
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
    for (String call : Files.readAllLines(Path.of(args[0]))) {
      List<String> words = new ArrayList<>(List.of(call.replace("DISK", disk.toString()).split(" ")));
      System.out.println("CALL " + call);
      System.out.println("STATUS " + Main.run(words.toArray(String[]::new)));
      if (Files.isWritable(disk)) {
        System.out.println("LEFT " + empty(disk));
      }
    }
  }

  /** Removes all but the ballast; the answer is whether a temporary file was among it. */
  private static boolean empty(Path disk) throws IOException {
    boolean[] temporary = new boolean[1];
    Files.walkFileTree(disk, new SimpleFileVisitor<>() {
      @Override
      public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
        temporary[0] |= file.toString().endsWith(".tmp");
        if (!file.endsWith("ballast")) {
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

  private List<String> run(String prepare, String otherwise) throws Exception {
    Path disk = Files.createDirectories(temporary.resolve("disk"));
    Path list = Files.write(temporary.resolve("calls"), calls);
    String java = "exec " + Path.of(System.getProperty("java.home"), "bin", "java")
        + " --enable-native-access=ALL-UNNAMED -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xmx512m -cp '"
        + System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")) + "' "
        + FullDiskTest.class.getName() + " " + list + " " + disk;
    String mounting = "mount -t tmpfs -o size=1m tmpfs " + disk;
    boolean mounts = new ProcessBuilder("unshare", "-rm", "sh", "-c", mounting).start().waitFor() == 0;
    ProcessBuilder child = mounts ? new ProcessBuilder("unshare", "-rm", "sh", "-c", mounting + " && " + prepare + " && " + java)
        : new ProcessBuilder("sh", "-c", otherwise + " && " + java);
    Process process = child.redirectErrorStream(true).directory(disk.toFile()).start();
    List<String> said = process.inputReader().lines().toList();
    assertEquals(0, process.waitFor(), String.join("\n", said));
    return said;
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
      assertFalse(of.get(end).equals("STATUS 0"), all);
      List<String> errors = of.subList(0, end).stream().filter(line -> line.startsWith("sphere: ")).toList();
      assertEquals(1, errors.size(), all);
      assertTrue(errors.getFirst().contains(temporary.resolve("disk").toString()), all);
      assertTrue(of.subList(0, end).stream().noneMatch(line -> line.startsWith("\tat ")), all);
      assertFalse(end + 1 < of.size() && of.get(end + 1).equals("LEFT true"), "a temporary file is left: " + all);
    }
  }

  @Test
  void aFullDiskIsSaidInOneLine() throws Exception {
    String disk = temporary.resolve("disk").toString();
    everyCallFails(run("head -c 1048576 /dev/zero > " + disk + "/ballast", "ulimit -f 0"));
  }

  @Test
  void aReadOnlyDiskIsSaidInOneLine() throws Exception {
    String disk = temporary.resolve("disk").toString();
    everyCallFails(run("mount -o remount,ro " + disk, "chmod 555 " + disk));
  }
}
