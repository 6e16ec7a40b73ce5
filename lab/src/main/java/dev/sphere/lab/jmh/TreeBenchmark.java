package dev.sphere.lab.jmh;

import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.reward.RandomPrm;
import dev.sphere.engine.search.ExpansionLog;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.search.SearchTree;
import dev.sphere.engine.search.SphereSearch;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The search's own work, with a policy that answers at once: a tree of depth 6 with 5 candidates an expansion. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(1)
public class TreeBenchmark {
  private static final Problem PROBLEM = new Problem("bench", "What is 1 + 1?", "2");

  private final SphereSearch search =
      new SphereSearch(
          new Canned(), new RandomPrm(), (p, s) -> false, SearchSettings.paper().withMaxDepth(6), 1);
  private final TokenPath prompt = TokenPath.root(new int[128]);

  @Benchmark
  public SearchTree search() throws InterruptedException {
    return search.search(PROBLEM, "bench", prompt, ExpansionLog.none());
  }

  @Benchmark
  public int[] path() {
    TokenPath path = prompt;
    for (int i = 0; i < 6; i++) {
      path = path.extend(new int[32]);
    }
    return path.toArray();
  }

  private static final class Canned implements Policy {
    @Override
    public List<Generation> generate(TokenPath path, List<Request> requests) {
      List<Generation> all = new ArrayList<>();
      for (Request r : requests) {
        String text = "Step " + path.length() + ", draw " + r.key().draw() + ": add the two numbers.\n\n";
        all.add(new Generation(new int[32], new float[32], text, Generation.Finish.STOP));
      }
      return all;
    }

    @Override
    public int[] tokenize(String text, boolean start) {
      return new int[text.length()];
    }

    @Override
    public String detokenize(int[] tokens) {
      return "";
    }

    @Override
    public String render(List<Message> messages) {
      return "";
    }
  }
}
