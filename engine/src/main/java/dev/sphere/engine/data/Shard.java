package dev.sphere.engine.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A part of a problem set for one of several processes. Problems are dealt out one after the other, so that each
 * process gets easy and hard ones.
 *
 * @param number from 1 to {@code count}
 * @param count how many there are
 * @param scheduled a scheduler started this process, and may start it again or twice
 */
public record Shard(int number, int count, boolean scheduled) {
  private static final int MOST = 999_999;

  public Shard {
    if (number < 1 || count < 1 || count > MOST || number > count) {
      throw new IllegalArgumentException("--shard: there is no shard " + number + " of " + count);
    }
  }

  /**
   * Reads {@code --shard}.
   *
   * @param text "I/N"; "auto" for the number that the scheduler gave; "auto/N" where the scheduler does not give the
   *     count, or only some shards are started again; null for the whole set
   * @param environment the process's: a Slurm array's variables, or those of a Kubernetes Job with indexed completions
   * @return null for the whole set
   * @throws IllegalArgumentException when the text names no shard, or the environment gives no number
   */
  public static Shard of(String text, Map<String, String> environment) {
    if (text == null) {
      return null;
    }
    if (text.equals("auto") || text.matches("auto/[1-9][0-9]{0,5}")) {
      return scheduled(text.equals("auto") ? 0 : Integer.parseInt(text.substring(5)), environment);
    }
    if (!text.matches("[1-9][0-9]{0,5}/[1-9][0-9]{0,5}")) {
      throw new IllegalArgumentException("--shard is I/N, for instance 1/2 and 2/2, or auto, not " + text);
    }
    int slash = text.indexOf('/');
    int number = Integer.parseInt(text.substring(0, slash));
    int count = Integer.parseInt(text.substring(slash + 1));
    if (number > count) {
      throw new IllegalArgumentException("--shard " + text + ": there are only " + count + " shards");
    }
    return new Shard(number, count, false);
  }

  private static Shard scheduled(int count, Map<String, String> environment) {
    if (environment.containsKey("SLURM_ARRAY_TASK_ID")) {
      int id = number(environment, "SLURM_ARRAY_TASK_ID");
      return count > 0 ? chosen(id, count) : array(id, environment);
    }
    if (environment.containsKey("JOB_COMPLETION_INDEX")) {
      int index = number(environment, "JOB_COMPLETION_INDEX");
      if (count == 0 && !environment.containsKey("JOB_COMPLETIONS")) {
        throw new IllegalArgumentException("--shard auto: Kubernetes says the index (JOB_COMPLETION_INDEX) and not "
            + "how many there are: give --shard auto/N with N as the Job's completions, or set JOB_COMPLETIONS");
      }
      int all = count > 0 ? count : number(environment, "JOB_COMPLETIONS");
      if (index >= all) {
        throw new IllegalArgumentException(
            "--shard auto: JOB_COMPLETION_INDEX is " + index + ", and there are only " + all + " shards");
      }
      return new Shard(index + 1, all, true);
    }
    throw new IllegalArgumentException("--shard auto asks the scheduler, and there is none: neither "
        + "SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set. Start it as a Slurm array or a Job with indexed "
        + "completions, or give --shard I/N");
  }

  /** A whole array, from wherever it begins. One with gaps must say how many shards there are. */
  private static Shard array(int id, Map<String, String> environment) {
    int count = number(environment, "SLURM_ARRAY_TASK_COUNT");
    int first = number(environment, "SLURM_ARRAY_TASK_MIN");
    if (environment.containsKey("SLURM_ARRAY_TASK_MAX")
            && number(environment, "SLURM_ARRAY_TASK_MAX") - first != count - 1
        || id < first || id - first >= count) {
      throw new IllegalArgumentException("--shard auto: the Slurm array has gaps, so its tasks do not say how many "
          + "shards there are: give --shard auto/N and --array with numbers from 1 to N");
    }
    return new Shard(id - first + 1, count, true);
  }

  private static Shard chosen(int id, int count) {
    if (id < 1 || id > count) {
      throw new IllegalArgumentException("--shard auto/" + count + ": SLURM_ARRAY_TASK_ID is " + id
          + "; with a count, tasks are numbered from 1 to " + count + ": --array=1-" + count + ", or some of them");
    }
    return new Shard(id, count, true);
  }

  private static int number(Map<String, String> environment, String name) {
    String value = environment.get(name);
    if (value == null || !value.matches("[0-9]{1,6}")) {
      throw new IllegalArgumentException(
          "--shard auto: " + name + " is " + (value == null ? "not set" : value) + ", not a number");
    }
    return Integer.parseInt(value);
  }

  /**
   * The shard's part, in order.
   *
   * @throws IllegalArgumentException when it is empty
   */
  public <T> List<T> part(List<T> all) {
    List<T> own = new ArrayList<>();
    for (int i = number - 1; i < all.size(); i += count) {
      own.add(all.get(i));
    }
    if (own.isEmpty()) {
      throw new IllegalArgumentException("--shard " + this + " of " + all.size() + " problems is empty");
    }
    return own;
  }

  /** Puts together the parts that {@link #part} made: one element of each part in turn. */
  public static <T> List<T> together(List<List<T>> parts) {
    List<T> all = new ArrayList<>();
    int longest = parts.stream().mapToInt(List::size).max().orElse(0);
    for (int i = 0; i < longest; i++) {
      for (List<T> part : parts) {
        if (i < part.size()) {
          all.add(part.get(i));
        }
      }
    }
    return all;
  }

  /** As in {@code --shard}: "3/8". */
  @Override
  public String toString() {
    return number + "/" + count;
  }
}
