package dev.sphere.engine;

import dev.sphere.base.SplitMix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A fake model of which every token is a function of key and path, as a real one's: it writes a few lines of arithmetic
 * and ends in {@code answer=7} about as often as in something else.
 */
public class HashPolicy implements Policy {
  private final double skill;
  private final AtomicInteger generated = new AtomicInteger();

  /** @param skill the chance that an answer is right */
  public HashPolicy(double skill) {
    this.skill = skill;
  }

  /** How many generations were asked for. */
  public int generated() {
    return generated.get();
  }

  /** Right when the solution ends in {@code answer=7}. */
  public static OutcomeReward outcome() {
    return (problem, solution) -> solution.strip().endsWith("answer=7");
  }

  @Override
  public List<Generation> generate(TokenPath path, List<Request> requests) {
    String before = detokenize(path.toArray());
    List<Generation> out = new ArrayList<>();
    for (Request r : requests) {
      generated.incrementAndGet();
      out.add(generate(before, r));
    }
    return out;
  }

  private Generation generate(String before, Request r) {
    DrawKey k = r.key();
    long seed = SplitMix.mix(SplitMix.mix(SplitMix.mix(k.seed()) ^ k.problem()) ^ k.node()) + k.draw();
    SplittableRandom random = new SplittableRandom(SplitMix.mix(seed) ^ SplitMix.hash(before));
    StringBuilder text = new StringBuilder();
    int lines = (int) before.substring(before.lastIndexOf("a:")).chars().filter(c -> c == '\n').count();
    while (true) {
      boolean last = lines++ > 0 && random.nextInt(3) == 0 || lines > 6;
      String line = last
          ? "answer=" + (random.nextDouble() < skill ? 7 : random.nextInt(7))
          : "let x" + lines + " = " + random.nextInt(40) + "\n";
      for (char c : line.toCharArray()) {
        text.append(c);
        if (text.length() >= r.sampling().maxTokens()) {
          return finish(text, Generation.Finish.LENGTH, random);
        }
        if (r.stop().stop(text, text.length() - 1)) {
          return finish(text, Generation.Finish.STOP, random);
        }
      }
      if (last) {
        return finish(text, Generation.Finish.END, random);
      }
    }
  }

  private static Generation finish(StringBuilder text, Generation.Finish finish, SplittableRandom random) {
    int[] tokens = text.chars().toArray();
    if (finish == Generation.Finish.END) {
      tokens = Arrays.copyOf(tokens, tokens.length + 1); // the end token is 0
    }
    float[] logProbs = new float[tokens.length];
    for (int i = 0; i < logProbs.length; i++) {
      logProbs[i] = (float) Math.log(random.nextDouble(0.01, 1));
    }
    return new Generation(tokens, logProbs, text.toString(), finish);
  }

  @Override
  public int[] tokenize(String text, boolean start) {
    return text.chars().toArray();
  }

  @Override
  public String detokenize(int[] tokens) {
    StringBuilder text = new StringBuilder();
    for (int token : tokens) {
      if (token != 0) {
        text.append((char) token);
      }
    }
    return text.toString();
  }

  @Override
  public String render(List<Message> messages) {
    StringBuilder text = new StringBuilder();
    for (Message m : messages) {
      text.append(m.role().charAt(0)).append('[').append(m.content()).append(']');
    }
    return text.append("a:").toString();
  }
}
