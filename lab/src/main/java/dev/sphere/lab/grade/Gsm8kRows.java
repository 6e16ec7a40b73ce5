package dev.sphere.lab.grade;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Rows for sphere grade out of GSM8K's model solutions, and the comparison with their flags; see lab/studies/gsm8k-grading.sh. */
public final class Gsm8kRows {
  private static final List<String> MODELS =
      List.of("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification");

  public static void main(String[] args) throws IOException {
    if (args[0].equals("rows")) {
      rows(Path.of(args[1]), Path.of(args[2]), Path.of(args[3]));
    } else {
      System.exit(compare(Path.of(args[1]), Path.of(args[2])));
    }
  }

  private static void rows(Path solutions, Path rows, Path flags) throws IOException {
    JsonMapper json = JsonMapper.shared();
    try (BufferedWriter out = Files.newBufferedWriter(rows);
        BufferedWriter flag = Files.newBufferedWriter(flags)) {
      for (String line : Files.readAllLines(solutions)) {
        JsonNode row = json.readTree(line);
        String truth = row.get("ground_truth").asString();
        for (String model : MODELS) {
          JsonNode s = row.get(model);
          out.write(json.writeValueAsString(Map.of("gold", truth, "pred", s.get("solution").asString())));
          out.newLine();
          flag.write(s.get("is_correct").asBoolean() ? "true\n" : "false\n");
        }
      }
    }
  }

  private static int compare(Path verdicts, Path flags) throws IOException {
    List<String> equal = Files.readAllLines(verdicts);
    List<String> flag = Files.readAllLines(flags);
    int agree = 0;
    for (int i = 0; i < flag.size(); i++) {
      boolean same = JsonMapper.shared().readTree(equal.get(i)).get("equal").asBoolean() == flag.get(i).equals("true");
      agree += same ? 1 : 0;
      if (!same) {
        System.out.println("row " + (i + 1) + ": flag " + flag.get(i) + ", verdict " + equal.get(i));
      }
    }
    System.out.println("agreement with the flags: " + agree + " of " + flag.size());
    return agree >= 0.995 * flag.size() ? 0 : 1;
  }
}
