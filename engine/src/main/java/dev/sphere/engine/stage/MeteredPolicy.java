package dev.sphere.engine.stage;

import dev.sphere.engine.Generation;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy;
import dev.sphere.engine.TokenPath;
import java.util.List;

/** A policy that counts the tokens it generates. */
public final class MeteredPolicy implements Policy {
  private final Policy policy;
  private final Meter meter;

  /** Is told how many tokens each call generated, and for which problem (its {@link dev.sphere.engine.DrawKey#problem key}). */
  @FunctionalInterface
  public interface Meter {
    void generated(long problem, long tokens);
  }

  public MeteredPolicy(Policy policy, Meter meter) {
    this.policy = policy;
    this.meter = meter;
  }

  @Override
  public List<Generation> generate(TokenPath path, List<Request> requests) throws InterruptedException {
    List<Generation> generations = policy.generate(path, requests);
    if (!requests.isEmpty()) {
      meter.generated(requests.getFirst().key().problem(), generations.stream().mapToLong(g -> g.tokens().length).sum());
    }
    return generations;
  }

  @Override
  public int[] tokenize(String text, boolean start) {
    return policy.tokenize(text, start);
  }

  @Override
  public int[] tokenize(MarkedText text, boolean start) {
    return policy.tokenize(text, start);
  }

  @Override
  public String detokenize(int[] ids) {
    return policy.detokenize(ids);
  }

  @Override
  public String render(List<Message> messages) {
    return policy.render(messages);
  }

  @Override
  public MarkedText prompt(List<Message> messages) {
    return policy.prompt(messages);
  }
}
