package dev.sphere.engine.stage;

import dev.sphere.engine.Generation;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy;
import dev.sphere.engine.TokenPath;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * A policy that counts the tokens it generates.
 *
 * @param meter given the number of tokens that a call generated, in the thread of the call
 */
public record MeteredPolicy(Policy policy, LongConsumer meter) implements Policy {
  @Override
  public List<Generation> generate(TokenPath path, List<Request> requests) throws InterruptedException {
    List<Generation> generations = policy.generate(path, requests);
    meter.accept(generations.stream().mapToLong(g -> g.tokens().length).sum());
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
