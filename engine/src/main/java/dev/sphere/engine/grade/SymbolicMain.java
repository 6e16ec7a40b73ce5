package dev.sphere.engine.grade;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;

/**
 * The process behind {@link SymbolicWorker}: a term a line comes in, true, false or unknown goes out. Symja is found by
 * reflection, so that Sphere is built without it. It ends when its input does, and so with its parent.
 */
final class SymbolicMain {
  private SymbolicMain() {}

  public static void main(String[] args) throws IOException, ReflectiveOperationException {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    // Symja must not write between the answers.
    System.setOut(System.err);
    Class<?> evaluator = Class.forName("org.matheclipse.core.eval.ExprEvaluator");
    Object symja = evaluator.getConstructor(boolean.class, short.class).newInstance(true, (short) 0);
    Method eval = evaluator.getMethod("eval", String.class);
    eval.invoke(symja, "PossibleZeroQ(1-1)");
    out.println("ready");
    try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String term = in.readLine(); term != null; term = in.readLine()) {
        out.println(answer(symja, eval, term));
      }
    }
  }

  private static String answer(Object symja, Method eval, String term) throws IllegalAccessException {
    try {
      String difference = String.valueOf(eval.invoke(symja, "FullSimplify(" + term + ")"));
      if (difference.equals("0")) {
        return "true";
      }
      // Only a number that is not zero is known to differ; an expression may be zero without Symja seeing it.
      return difference.matches("-?\\d+(/\\d+)?") ? "false" : "unknown";
    } catch (InvocationTargetException e) {
      return "unknown";
    }
  }
}
