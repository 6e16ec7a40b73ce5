package dev.sphere.lab.study;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class StarRowsTest {
  @Test
  void takesTheDistinctRightSolutions(@TempDir Path dir) throws IOException {
    Files.writeString(dir.resolve("problems.jsonl"), "{\"crc\":\"0\",\"problem\":\"a\",\"question\":\"Reduce 1+1.\",\"answer\":\"2\"}\n");
    String attempt = "{\"correct\":%s,\"truncated\":%s,\"text\":\"%s\"}";
    Files.writeString(dir.resolve("stages.jsonl"), "{\"problem\":\"a\",\"stage\":\"generation\",\"attempts\":[" + String.join(",",
        attempt.formatted(false, false, "3"), attempt.formatted(true, false, "2"), attempt.formatted(true, false, "2"),
        attempt.formatted(true, true, "cut"), attempt.formatted(true, false, "so 2"), attempt.formatted(true, false, "it is 2"),
        attempt.formatted(true, false, "two: 2"), attempt.formatted(true, false, "a fifth 2")) + "]}\n");
    Path out = dir.resolve("rows.jsonl");
    StarRows.main(new String[] {dir.toString(), out.toString()});
    List<JsonNode> rows = Files.readAllLines(out).stream().map(l -> JsonMapper.shared().readTree(l)).toList();
    assertEquals(List.of("2", "so 2", "it is 2", "two: 2"),
        rows.stream().map(r -> r.at("/completion/0/content").asString()).toList());
    assertEquals("Reduce 1+1.", rows.getFirst().at("/prompt/0/content").asString());
  }
}
