package dev.sphere.lab.problems;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import tools.jackson.databind.json.JsonMapper;

/**
 * Easy word problems and sums for small instruct models, in ten kinds, as rows {@code {"id","question","answer","type"}}. A
 * problem's split follows from its kind and numbers alone, so that what one split holds never occurs in another, whatever the
 * seed, the names and the phrasing.
 *
 * <pre>lab/java dev.sphere.lab.problems.EasyProblems train|validation|test COUNT SEED OUT.jsonl</pre>
 */
public final class EasyProblems {
  /** Parts of the space of contents: 60, 15 and 25 percent. */
  public enum Split { TRAIN, VALIDATION, TEST }

  /**
   * A problem.
   *
   * @param kind the kind, as {@link #KINDS} names it
   * @param key kind and numbers: what decides the split
   * @param phrasing which of the kind's phrasings
   */
  public record Easy(String kind, String key, int phrasing, String question, long answer) {}

  private record Numbers(long a, long b, long c, long answer) {}

  private interface Drawing {
    Numbers draw(SplittableRandom random);
  }

  private record Kind(Drawing drawing, List<String> phrasings) {}

  private static final List<String> NAMES = List.of("Tom", "Anna", "Ben", "Maria", "Sam", "Lucy", "Omar", "Nina", "Jack", "Emma",
      "Leo", "Ruth", "Carlos", "Mei", "David", "Sara");
  private static final List<String> THINGS = List.of("apples", "pencils", "marbles", "stickers", "books", "coins", "cards",
      "shells", "cookies", "stamps", "toy cars", "balloons");
  private static final List<String> HOLDERS = List.of("boxes", "bags", "jars", "baskets", "packs", "drawers");

  private static final Map<String, Kind> KINDS = kinds();

  private EasyProblems() {}

  private static Map<String, Kind> kinds() {
    Map<String, Kind> kinds = new LinkedHashMap<>();
    kinds.put("addition", new Kind(r -> { long a = in(r, 3, 60), b = in(r, 3, 60); return new Numbers(a, b, 0, a + b); },
        List.of("{name} has {a} {things} and gets {b} more. How many {things} does {name} have now?",
            "There are {a} {things} on one table and {b} {things} on another. How many {things} are there in all?",
            "{name} collected {a} {things} on Monday and {b} {things} on Tuesday. How many {things} did {name} collect?")));
    kinds.put("subtraction", new Kind(r -> { long b = in(r, 2, 40), d = in(r, 2, 40); return new Numbers(b + d, b, 0, d); },
        List.of("{name} has {a} {things} and gives away {b}. How many {things} are left?",
            "There were {a} {things} in a shop. {b} of them were sold. How many {things} remain?",
            "{name} had {a} {things} and lost {b} of them. How many {things} does {name} have now?")));
    kinds.put("multiplication", new Kind(r -> { long a = in(r, 2, 12), b = in(r, 2, 12); return new Numbers(a, b, 0, a * b); },
        List.of("{name} has {a} {holders} with {b} {things} in each. How many {things} does {name} have in total?",
            "There are {a} rows of {b} chairs. How many chairs are there?",
            "{name} reads {b} pages every day. How many pages does {name} read in {a} days?")));
    kinds.put("division", new Kind(r -> { long b = in(r, 2, 10), q = in(r, 2, 12); return new Numbers(b * q, b, 0, q); },
        List.of("{name} shares {a} {things} equally among {b} friends. How many {things} does each friend get?",
            "{a} {things} are put into {b} {holders}, the same number in each. How many {things} are in each of them?",
            "{name} has {a} {things} and puts {b} into each bag. How many bags does {name} fill?")));
    kinds.put("cost", new Kind(r -> { long a = in(r, 2, 12), b = in(r, 2, 15); return new Numbers(a, b, 0, a * b); },
        List.of("One ticket costs {b} dollars. How many dollars do {a} tickets cost?",
            "{name} buys {a} notebooks at {b} dollars each. How many dollars does {name} pay?",
            "A pen costs {b} dollars. What is the price of {a} pens in dollars?")));
    kinds.put("change", new Kind(r -> { long b = in(r, 2, 30), d = in(r, 1, 30); return new Numbers(b + d, b, 0, d); },
        List.of("{name} has {a} dollars and buys a toy for {b} dollars. How many dollars does {name} have left?",
            "A game costs {b} dollars. {name} pays with {a} dollars. How many dollars does {name} get back?")));
    kinds.put("comparison", new Kind(r -> { long b = in(r, 2, 40), d = in(r, 2, 30); return new Numbers(b + d, b, 0, d); },
        List.of("{name} has {a} {things} and {other} has {b} {things}. How many more {things} does {name} have than {other}?",
            "A tree is {a} feet tall and a bush is {b} feet tall. How many feet taller is the tree than the bush?")));
    kinds.put("times", new Kind(r -> { long a = in(r, 2, 6), b = in(r, 3, 30); return new Numbers(a, b, 0, a * b); },
        List.of("{other} has {b} {things}. {name} has {a} times as many. How many {things} does {name} have?",
            "A small box weighs {b} pounds. A big box weighs {a} times as much. How many pounds does the big box weigh?")));
    kinds.put("two steps", new Kind(
        r -> { long a = in(r, 5, 40), b = in(r, 2, a - 2), c = in(r, 2, 30); return new Numbers(a, b, c, a - b + c); },
        List.of("{name} has {a} {things}, gives away {b} and then finds {c} more. How many {things} does {name} have now?",
            "A bus has {a} people. At a stop {b} get off and {c} get on. How many people are on the bus now?")));
    kinds.put("sum", new Kind(r -> { long a = in(r, 5, 99), b = in(r, 5, 99); return new Numbers(a, b, 0, a + b); },
        List.of("What is {a} + {b}?", "Calculate {a} plus {b}.")));
    return kinds;
  }

  private static long in(SplittableRandom random, long low, long high) {
    return random.nextLong(low, high + 1);
  }

  /** The split that a content belongs to. */
  public static Split split(String key) {
    int bucket = WordProblems.bucket(key);
    return bucket < 60 ? Split.TRAIN : bucket < 75 ? Split.VALIDATION : Split.TEST;
  }

  /**
   * The first {@code count} problems of a seeded stream of which no two have the same numbers and phrasing;
   * kinds take turns.
   *
   * @throws IllegalArgumentException when the split holds fewer
   */
  public static List<Easy> of(Split split, int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed * 31 + split.ordinal());
    List<Map.Entry<String, Kind>> kinds = List.copyOf(KINDS.entrySet());
    List<Easy> out = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    for (int misses = 0; out.size() < count;) {
      Map.Entry<String, Kind> kind = kinds.get(out.size() % kinds.size());
      Easy easy = write(kind.getKey(), kind.getValue(), random.split());
      if (split(easy.key()) == split && seen.add(easy.key() + " " + easy.phrasing())) {
        out.add(easy);
        misses = 0;
      } else if (++misses > 100_000) {
        throw new IllegalArgumentException("of " + kind.getKey() + " there are no " + count / kinds.size() + " problems");
      }
    }
    return out;
  }

  private static Easy write(String name, Kind kind, SplittableRandom random) {
    Numbers n = kind.drawing().draw(random);
    int first = random.nextInt(NAMES.size());
    String other = NAMES.get((first + 1 + random.nextInt(NAMES.size() - 1)) % NAMES.size());
    int phrasing = random.nextInt(kind.phrasings().size());
    String question = kind.phrasings().get(phrasing)
        .replace("{name}", NAMES.get(first)).replace("{other}", other)
        .replace("{things}", THINGS.get(random.nextInt(THINGS.size())))
        .replace("{holders}", HOLDERS.get(random.nextInt(HOLDERS.size())))
        .replace("{a}", String.valueOf(n.a())).replace("{b}", String.valueOf(n.b())).replace("{c}", String.valueOf(n.c()));
    return new Easy(name, name + " " + n.a() + " " + n.b() + " " + n.c(), phrasing, question, n.answer());
  }

  public static void main(String[] args) throws IOException {
    if (args.length != 4) {
      System.err.println("usage: EasyProblems train|validation|test COUNT SEED OUT.jsonl");
      System.exit(2);
    }
    Split split = Split.valueOf(args[0].toUpperCase(Locale.ROOT));
    List<Easy> problems = of(split, Integer.parseInt(args[1]), Long.parseLong(args[2]));
    JsonMapper json = JsonMapper.shared();
    try (BufferedWriter out = Files.newBufferedWriter(Path.of(args[3]))) {
      int number = 0;
      for (Easy e : problems) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("id", args[0] + "-" + args[2] + "-" + number++);
        row.put("question", e.question());
        row.put("answer", String.valueOf(e.answer()));
        row.put("type", e.kind());
        out.write(json.writeValueAsString(row));
        out.newLine();
      }
    }
  }
}
