package dev.sphere.grade;

import dev.sphere.grade.compare.Choices;
import dev.sphere.grade.compare.Comparer;
import dev.sphere.grade.compare.Decision;
import dev.sphere.grade.compare.PlainNumbers;
import dev.sphere.grade.compare.Rule;
import dev.sphere.grade.compare.TimesAndDates;
import dev.sphere.grade.compare.Tolerance;
import dev.sphere.grade.extract.AnswerExtractor;
import dev.sphere.grade.extract.AnswerExtractor.Form;
import dev.sphere.grade.extract.AnswerText;
import dev.sphere.grade.extract.Phrases;
import dev.sphere.grade.extract.Prose;
import dev.sphere.grade.parse.AnswerReader;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.GradingBudget;
import dev.sphere.grade.value.Rational;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Says whether two answers mean the same and which rule decided. It never throws, starts no thread, evaluates no code
 * and ends after a bounded number of steps whatever the input. Where the meaning cannot be settled it says "different":
 * a false "equal" would reward a wrong solution. The rules, symmetric and asymmetric, stand in
 * docs/explanation/grading.md. Instances have no state and may be shared by threads.
 */
public final class AnswerGrader {
  /** Steps of one grading; about 0.1 s on a laptop core when all of them are used. */
  private static final long BUDGET = 1_500_000;

  private static final Pattern DECIMAL_COMMA = Pattern.compile("(-?\\d{1,9}),(\\d{1,9})");
  private static final Pattern NAMES_VALUE =
      Pattern.compile("(?:\\bis|\\bare|\\bequals|\\bequal to|≈)\\s+(\\S.*)$", Pattern.DOTALL);

  /**
   * Grades a solution whose values may be off by a stated error.
   *
   * @param errors the absolute error, in the gold answer's unit: one for all values, or one for each, separated by
   *     commas (OlympiadBench's field {@code error}); a text that is no such list allows none
   */
  public Verdict gradeWithin(String gold, String solution, String errors) {
    Verdict v = grade(gold, solution);
    List<Double> allowed = Tolerance.of(errors);
    if (v.equal() || allowed.isEmpty() || v.pred().isEmpty()) {
      return v;
    }
    try {
      boolean within = Tolerance.within(v.gold(), v.pred(), allowed, new GradingBudget(BUDGET));
      return within ? verdict(Decision.of(Rule.WITHIN_TOLERANCE), v.gold(), v.pred()) : v;
    } catch (RuntimeException | StackOverflowError e) {
      return v;
    }
  }

  /**
   * Grades a solution of the countdown game: its answer is an expression that uses each number at most once, with the
   * four operations and brackets, and is worth the target exactly.
   *
   * @param target the number to reach
   * @param numbers the numbers of the game, each a run of up to nine digits, with anything between them
   */
  public Verdict gradeCountdown(String target, String numbers, String solution) {
    String found = "";
    try {
      found = AnswerExtractor.extract(AnswerText.repair(solution)).answer();
      Decision d = found.isEmpty() ? Decision.of(Rule.NO_ANSWER_FOUND)
          : Countdown.decide(target, numbers, found, new GradingBudget(BUDGET));
      return verdict(d, target, found);
    } catch (RuntimeException | StackOverflowError e) {
      return verdict(Decision.of(Rule.NOT_GRADABLE, e.getClass().getSimpleName()), target, found);
    }
  }

  /**
   * Grades an answer, or a whole solution with its final answer in it.
   *
   * @param gold the known answer, as the data set writes it
   * @param pred the answer or the solution to judge
   * @return the verdict; never null
   */
  public Verdict grade(String gold, String pred) {
    if (gold == null || pred == null) {
      return verdict(Decision.of(Rule.NO_ANSWER), "", "");
    }
    GradeEvent event = new GradeEvent();
    event.begin();
    try {
      return decide(gold, pred);
    } catch (RuntimeException | StackOverflowError e) {
      // The last resort that keeps the promise never to throw; a run of any length goes on.
      return verdict(Decision.of(Rule.NOT_GRADABLE, e.getClass().getSimpleName()), "", "");
    } finally {
      event.commit();
    }
  }

  private Verdict decide(String gold, String pred) {
    Rule quick = PlainNumbers.compare(gold, pred);
    if (quick != null) {
      return verdict(Decision.of(quick), gold, pred);
    }
    gold = AnswerText.repair(gold);
    pred = AnswerText.repair(pred);
    String g = AnswerExtractor.extract(gold).answer();
    AnswerExtractor.Extracted found = AnswerExtractor.extract(pred);
    String p = found.answer();
    if (p.isEmpty() || g.isEmpty()) {
      return verdict(Decision.of(Rule.NO_ANSWER_FOUND), g, p);
    }
    if (Choices.isLetter(g) && found.form() != Form.BOX && !Choices.isLetter(p)) {
      String letter = Choices.letterIn(pred);
      p = letter != null ? letter : p;
    }
    Decision d = answers(g, p);
    if (!d.equal() && (found.form() == Form.WHOLE || found.form() == Form.PROSE) && p.indexOf(' ') > 0) {
      // A short sentence that names its value after "is" or "=".
      Matcher m = NAMES_VALUE.matcher(p);
      if (m.find() && answers(g, m.group(1)).equal()) {
        return verdict(Decision.of(Rule.VALUE_IN_A_SENTENCE), g, m.group(1));
      }
      AnswerExtractor.Extracted last = d.rule() == Rule.UNREADABLE ? Prose.last(p) : found;
      if (last.form() == Form.NUMBER && answers(g, last.answer()).equal()) {
        return verdict(Decision.of(Rule.LAST_VALUE_IN_A_SENTENCE), g, last.answer());
      }
    }
    return verdict(d, g, p);
  }

  private static Verdict verdict(Decision d, String gold, String pred) {
    return new Verdict(d.equal(), d.how(), gold, pred);
  }

  /** Two answers as they were found. */
  private Decision answers(String gold, String pred) {
    String g = AnswerText.clean(gold);
    String p = AnswerText.clean(pred);
    if (g.equals(p)) {
      return Decision.of(Rule.SAME_TEXT);
    }
    Rule quick = PlainNumbers.compare(g, p);
    quick = quick != null ? quick : PlainNumbers.compareFractions(g, p);
    if (quick != null) {
      return Decision.of(quick);
    }
    if (g.length() > AnswerExtractor.MAX_ANSWER || p.length() > AnswerExtractor.MAX_ANSWER) {
      return Decision.of(Rule.TOO_LONG_TO_COMPARE);
    }
    if (AnswerText.bare(g).equals(AnswerText.bare(p))) {
      return Decision.of(Rule.SAME_TEXT_BUT_FOR_SPACING);
    }
    Decision special = AnswerText.isFormula(g) && AnswerText.isFormula(p) ? null : special(g, p);
    Decision d = special != null ? special : byMeaning(g, p);
    return !d.equal() && decimalComma(g, p) ? Decision.of(Rule.SAME_NUMBER_DECIMAL_COMMA) : d;
  }

  /** 3,75 beside 3.75; not 1,234 beside 1.234, where the comma may group thousands. */
  private static boolean decimalComma(String g, String p) {
    String comma = g.indexOf(',') >= 0 ? g : p;
    String point = comma == g ? p : g;
    Matcher m = DECIMAL_COMMA.matcher(comma);
    boolean zero = m.matches() && (m.group(1).equals("0") || m.group(1).equals("-0"));
    // A gold answer 2,4 is more likely a list.
    int length = m.matches() ? m.group(2).length() : 0;
    return length > 0 && (zero || length != 3 && (length > 1 || comma != g)) && point.indexOf('.') > 0
        && PlainNumbers.compare(m.group(1) + "." + m.group(2), point) == Rule.SAME_NUMBER;
  }

  /** Kinds of answer that are no mathematics: words, choices, times, dates, numbers in another base. */
  private Decision special(String g, String p) {
    String kg = Phrases.key(g);
    String kp = Phrases.key(p);
    if (kg.equals(kp) && (Phrases.wordsOnly(kg) || kg.length() == 1 && Choices.isChoice(kg.charAt(0)))) {
      return Decision.of(Rule.SAME_WORDS);
    }
    if (truth(g, kg) != null && truth(g, kg).equals(truth(p, kp))) {
      return Decision.of(Rule.SAME_TRUTH_VALUE);
    }
    Boolean times = TimesAndDates.same(g, p);
    if (times != null) {
      return times ? Decision.of(Rule.SAME_TIME_OR_DATE) : Decision.of(Rule.DIFFERENT_TIMES_OR_DATES);
    }
    Decision choice = Choices.compare(g, kg, p, kp, (x, y) -> answers(x, y).equal());
    if (choice != null) {
      return choice;
    }
    Rational a = AnswerReader.inBase(g);
    Rational b = AnswerReader.inBase(p);
    if (a != null || b != null) {
      Decision d = byMeaning(a != null ? a.num().toString() : g, b != null ? b.num().toString() : p);
      return switch (d.rule()) {
        case SAME_VALUE_UNIT_LEFT_OUT, PERCENT_SIGN_LEFT_OUT, DEGREE_SIGN_LEFT_OUT, SAME_ITEMS_BRACKETS_LEFT_OUT ->
            Decision.of(Rule.A_NUMBER_IN_A_BASE_AND_ONE_WITH_A_UNIT);
        default -> d.equal() ? Decision.of(Rule.SAME_NUMBER_IN_ITS_BASE) : d;
      };
    }
    return null;
  }

  /** "yes" for yes, true, Y, T; "no" for no, false, N, F; null for anything else. */
  private static String truth(String text, String key) {
    return switch (key) {
      case "yes", "no" -> key;
      case "y", "t" -> Character.isUpperCase(text.charAt(0)) && text.length() == 1 ? "yes" : null;
      case "n", "f" -> Character.isUpperCase(text.charAt(0)) && text.length() == 1 ? "no" : null;
      default -> null;
    };
  }

  /** Reads both as mathematics, with every reading of their commas, and compares. */
  private Decision byMeaning(String g, String p) {
    GradingBudget budget = new GradingBudget(BUDGET);
    List<Expr> gold = AnswerReader.read(g, budget);
    List<Expr> pred = AnswerReader.read(p, budget);
    if (gold.isEmpty() || pred.isEmpty()) {
      if (gold.isEmpty() != pred.isEmpty() && (gold.isEmpty() ? p : g).indexOf('=') < 0) {
        String value = AnswerReader.afterLastEquals(gold.isEmpty() ? g : p);
        if (value != null && byMeaning(gold.isEmpty() ? value : g, pred.isEmpty() ? value : p).equal()) {
          return Decision.of(Rule.VALUE_AFTER_THE_LAST_EQUALS_SIGN);
        }
      }
      boolean same = AnswerText.bare(g).equalsIgnoreCase(AnswerText.bare(p))
          || Phrases.key(g).equals(Phrases.key(p)) && !Phrases.key(g).isEmpty();
      return same ? Decision.of(Rule.SAME_TEXT_BUT_FOR_SPACING) : Decision.of(Rule.UNREADABLE);
    }
    Comparer comparer = new Comparer(budget);
    Decision first = null;
    for (Expr a : gold) {
      for (Expr b : pred) {
        Decision d;
        try {
          d = comparer.compare(a, b);
        } catch (GradingBudget.Stop e) {
          return Decision.of(Rule.BEYOND_LIMITS, e.getMessage());
        }
        if (d.equal()) {
          return d;
        }
        first = first == null ? d : first;
      }
    }
    return first;
  }
}
