package dev.sphere.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A fake model that follows a script: after which text it says what, draw by draw. Its tokens are characters, token 0
 * is the end token. A line of the script ends in {@code $} for the end token, in {@code ~} for a truncation.
 */
public final class ScriptedPolicy implements Policy {
  public static final int END = 0;
  private final Map<String, List<String>> script = new HashMap<>();
  private final AtomicInteger generated = new AtomicInteger();

  /** After {@code text} (prompt included) draw i says {@code answers[i % answers.length]}. */
  public ScriptedPolicy after(String text, String... answers) {
    script.put(text, List.of(answers));
    return this;
  }

  /** How many generations were asked for. */
  public int generated() {
    return generated.get();
  }

  @Override
  public List<Generation> generate(TokenPath path, List<Request> requests) {
    String text = detokenize(path.toArray());
    List<String> answers = script.get(text);
    if (answers == null) {
      throw new IllegalStateException("the script has no line after: " + text);
    }
    List<Generation> out = new ArrayList<>();
    for (Request request : requests) {
      generated.incrementAndGet();
      out.add(generation(answers.get(request.key().draw() % answers.size())));
    }
    return out;
  }

  public static Generation generation(String line) {
    boolean end = line.endsWith("$");
    boolean cut = line.endsWith("~");
    String text = end || cut ? line.substring(0, line.length() - 1) : line;
    int[] tokens = Arrays.copyOf(text.chars().toArray(), text.length() + (end ? 1 : 0));
    float[] logProbs = new float[tokens.length];
    Arrays.fill(logProbs, -0.5f);
    Generation.Finish finish =
        end ? Generation.Finish.END : cut ? Generation.Finish.LENGTH : Generation.Finish.STOP;
    return new Generation(tokens, logProbs, text, finish);
  }

  @Override
  public int[] tokenize(String text, boolean start) {
    return text.chars().toArray();
  }

  @Override
  public String detokenize(int[] tokens) {
    StringBuilder text = new StringBuilder();
    for (int token : tokens) {
      if (token != END) {
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
