package dev.sphere.trainer.data;

import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.store.PairExport.Format;
import dev.sphere.engine.store.TrlFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A run's solutions as TRL's stepwise supervision: {@code prompt} (messages), {@code completions} (the steps), {@code
 * labels} (whether the recorded process reward is above 0, Math-Shepherd's hard estimate), and {@code problem_id}.
 */
public final class StepwiseExport {
  private StepwiseExport() {}

  /**
   * Writes every complete solution of the policy's trees, except those with a step whose rollouts {@code early_stop}
   * ended before they decided its label.
   *
   * @return the number of solutions written
   */
  public static int write(RunTrees trees, Format format, Path target) {
    List<ObjectNode> rows = new ArrayList<>();
    for (RunTrees.Placed solution : trees.solutions()) {
      List<Candidate> path = new ArrayList<>(solution.before());
      path.add(solution.step());
      if (!path.stream().allMatch(trees::known)) {
        continue;
      }
      ObjectNode row = JsonMapper.shared().createObjectNode();
      ArrayNode prompt = row.putArray("prompt");
      solution.dialogue().forEach(m -> prompt.addObject().put("role", m.role()).put("content", m.content()));
      ArrayNode steps = row.putArray("completions");
      ArrayNode labels = row.putArray("labels");
      for (Candidate c : path) {
        steps.add(c.generation().text());
        labels.add(c.prm() > 0);
      }
      rows.add(row.put("problem_id", solution.id()));
    }
    Map<String, String> columns = new LinkedHashMap<>();
    columns.put("prompt", TrlFile.MESSAGES);
    columns.put("completions", TrlFile.TEXTS);
    columns.put("labels", TrlFile.TRUTHS);
    columns.put("problem_id", TrlFile.TEXT);
    TrlFile.write(rows, columns, format, target);
    return rows.size();
  }
}
