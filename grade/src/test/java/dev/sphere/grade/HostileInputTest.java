package dev.sphere.grade;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever comes in, an answer comes out. The timeouts only guard against a hang. */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class HostileInputTest {
  private final AnswerGrader grader = new AnswerGrader();

  private static final String[] PIECES = {
      "\\frac", "{", "}", "(", ")", "[", "]", "\\{", "\\}", "^", "_", "\\sqrt", "1", "23", "4.5", "x", "\\pi", "!", "%",
      "\\pm", ",", "\\text{", "\\boxed{", "$", "\\begin{pmatrix}", "\\end{pmatrix}", "&", "\\\\", "|", "=", "<",
      "\\le", "\\cup", "\\infty", "\\log_", "\\sin", "-", "+", "*", "/", " ", ":", "or", "\\circ", "\\overline{3}", "...",
      "the answer is", "####", "\n", "√", "²", "e", "i", "10", "\\binom", "\\left", "\\right", "'", "\ud83d\ude00", "cm"};

  @Test
  void garbageGetsAVerdict() {
    SplittableRandom random = new SplittableRandom(20261124);
    for (int n = 0; n < 6000; n++) {
      StringBuilder a = new StringBuilder();
      StringBuilder b = new StringBuilder();
      for (int k = random.nextInt(30); k >= 0; k--) {
        a.append(PIECES[random.nextInt(PIECES.length)]);
        b.append(PIECES[random.nextInt(PIECES.length)]);
      }
      Verdict v = grader.grade(a.toString(), b.toString());
      assertNotNull(v.how());
      assertFalse(v.how().startsWith("not gradable"), () -> v.how() + " for " + a + " and " + b);
    }
  }

  @Test
  void hugeDeepAndUnbalancedInputIsDifferentFromFive() {
    String deep = "\\frac{1}{".repeat(5000) + "2" + "}".repeat(5000);
    List<String> hostile = List.of(
        "(".repeat(100_000), ")".repeat(100_000), "{".repeat(1_000_000), "}".repeat(100_000), deep,
        "\\boxed{".repeat(20_000), "\\boxed{".repeat(5_000) + "}".repeat(5_000), "x^".repeat(50_000) + "2",
        "10^{10^{10}}", "10^{10^{10^{10}}}", "9^9^9^9^9", "(10^{5})!!!!", "2^{2^{2^{2^{2^{2}}}}}",
        "1" + "0".repeat(5_000_000), "7".repeat(8000), "-".repeat(3_000_000), "$".repeat(100_001),
        "1,".repeat(4000), "1+".repeat(100_000) + "1", "\\sqrt".repeat(100_000), "|".repeat(7999), "\\text{".repeat(60_000),
        "the answer is ".repeat(100_000), "A: ".repeat(100_000), "a ".repeat(3_000_000), " ".repeat(5_000_000),
        "\\log_".repeat(2000), "e^".repeat(2000) + "1", "1e99999", "1e-99999", "99999999!", "\\binom{99999}{50000}",
        "{1,2,3,".repeat(900) + "}", "\\pm".repeat(50) + "1", "1\\pm".repeat(60) + "1", "\\begin{pmatrix}".repeat(500),
        "f(".repeat(2000), "\u0000\uffff\ud800", "is is is ".repeat(50_000), "a = ".repeat(3000));
    for (String h : hostile) {
      assertFalse(grader.grade("5", h).equal(), () -> h.substring(0, Math.min(40, h.length())));
      assertFalse(grader.grade(h, "5").equal(), () -> h.substring(0, Math.min(40, h.length())));
      grader.grade(h, h + " ");
    }
  }

  @Test
  void longAnswersAreNotJudgedByTheirLastEntry() {
    String gold = "2, ".repeat(1500) + "1";
    String matrix = "\\begin{pmatrix}" + "2 & ".repeat(1200) + "1\\end{pmatrix}";
    assertFalse(grader.grade(gold, "3, ".repeat(1500) + "1").equal());
    assertFalse(grader.grade(matrix, matrix.replace('2', '3')).equal());
    assertFalse(grader.grade(matrix, "1").equal());
    assertTrue(grader.grade(matrix, "\\boxed{" + matrix.replace("1", "1.0") + "}").equal());
  }

  @Test
  void towersCompareByTheirTextAlone() {
    assertTrue(grader.grade("10^{10^{10}}", "$10^{10^{10}}$").equal());
    assertFalse(grader.grade("10^{10^{10}}", "10^{10^{9}}").equal());
  }

  @Test
  void nothingIsEvaluatedAsCode() {
    assertFalse(grader.grade("5", "__import__('os').system('x')").equal());
    assertFalse(grader.grade("5", "System.exit(5)").equal());
    assertFalse(grader.grade("5", "\\input{5}").equal());
  }
}
