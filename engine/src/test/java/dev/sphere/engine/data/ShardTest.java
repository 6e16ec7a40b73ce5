package dev.sphere.engine.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Which shard a scheduler means. */
class ShardTest {
  private static Map<String, String> slurm(int id, int min, int max, int count) {
    return Map.of("SLURM_ARRAY_TASK_ID", "" + id, "SLURM_ARRAY_TASK_MIN", "" + min, "SLURM_ARRAY_TASK_MAX", "" + max,
        "SLURM_ARRAY_TASK_COUNT", "" + count);
  }

  private static void refused(String words, String told, Map<String, String> environment) {
    String message = assertThrows(IllegalArgumentException.class, () -> Shard.of(told, environment)).getMessage();
    assertTrue(message.contains(words), message);
  }

  @Test
  void slurmArraysFromZeroOneOrElsewhere() {
    assertEquals(new Shard(1, 8, true), Shard.of("auto", slurm(0, 0, 7, 8)));
    assertEquals(new Shard(8, 8, true), Shard.of("auto", slurm(7, 0, 7, 8)));
    assertEquals(new Shard(3, 8, true), Shard.of("auto", slurm(3, 1, 8, 8)));
    assertEquals(new Shard(1, 2, true), Shard.of("auto", slurm(100, 100, 101, 2)));
  }

  /** An array of the missing ones alone has another count, and would deal the problems out anew. */
  @Test
  void someOfASlurmArrayMustSayHowManyThereAre() {
    refused("auto/N", "auto", slurm(3, 3, 7, 2));
    assertEquals(new Shard(3, 8, true), Shard.of("auto/8", slurm(3, 3, 7, 2)));
    assertEquals(new Shard(7, 8, true), Shard.of("auto/8", slurm(7, 3, 7, 2)));
    refused("--array=1-8", "auto/8", slurm(0, 0, 7, 8));
    refused("--array=1-8", "auto/8", slurm(9, 9, 9, 1));
  }

  @Test
  void kubernetesCountsFromZeroAndMustSayHowMany() {
    assertEquals(new Shard(1, 4, true), Shard.of("auto/4", Map.of("JOB_COMPLETION_INDEX", "0")));
    assertEquals(new Shard(4, 4, true), Shard.of("auto", Map.of("JOB_COMPLETION_INDEX", "3", "JOB_COMPLETIONS", "4")));
    refused("JOB_COMPLETIONS", "auto", Map.of("JOB_COMPLETION_INDEX", "0"));
    refused("only 4", "auto/4", Map.of("JOB_COMPLETION_INDEX", "4"));
  }

  @Test
  void whatIsNoSchedulerIsSaid() {
    refused("SLURM_ARRAY_TASK_ID", "auto", Map.of());
    refused("not a number", "auto", Map.of("SLURM_ARRAY_TASK_ID", "x"));
    refused("SLURM_ARRAY_TASK_COUNT is not set", "auto", Map.of("SLURM_ARRAY_TASK_ID", "1"));
    refused("or auto", "automatic", Map.of());
    assertFalse(Shard.of("2/3", slurm(1, 1, 8, 8)).scheduled(), "what is told is taken");
  }

  @Test
  void partsAndTogetherAreInverse() {
    List<Integer> all = IntStream.range(0, 11).boxed().toList();
    for (int count : new int[] {1, 2, 3, 11}) {
      int n = count;
      List<List<Integer>> parts = IntStream.rangeClosed(1, n).mapToObj(i -> new Shard(i, n, true).part(all)).toList();
      assertEquals(all, Shard.together(parts));
    }
    assertThrows(IllegalArgumentException.class, () -> new Shard(12, 12, true).part(all));
  }
}
