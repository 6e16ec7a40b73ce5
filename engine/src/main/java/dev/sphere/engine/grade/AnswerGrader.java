package dev.sphere.engine.grade;

import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Problem;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Says whether two answers mean the same and which rule decided: the outcome reward (the paper's ORM). It never throws,
 * starts no thread, evaluates no code and ends after a bounded number of steps whatever the input. Where the meaning
 * cannot be settled it says "different": a false "equal" would reward a wrong solution. The rules, symmetric and
 * asymmetric, stand in docs/grading.md. Instances have no state and may be shared by threads.
 */
public final class AnswerGrader implements OutcomeReward {
  /** Steps of one grading; about 0.1 s on a laptop core when all of them are used. */
  private static final long BUDGET = 1_500_000;

  private static final Pattern CHOICE =
      Pattern.compile("(?:option|choice|answer)?\\s*(?:\\(\\s*([A-Za-z])\\s*\\)|([A-Za-z])(?:[).:]|$))\\s*(.*)",
          Pattern.DOTALL | Pattern.CASE_INSENSITIVE);
  private static final Pattern BASE = Pattern.compile("\\(?([0-9A-Za-z]+)\\)?\\s*_\\s*\\{?\\s*(\\d{1,2})\\s*\\}?");

  @Override
  public boolean correct(Problem problem, String solution) {
    return grade(problem.answer(), solution).equal();
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
      return new Verdict(false, "no answer", "", "");
    }
    GradeEvent event = new GradeEvent();
    event.begin();
    try {
      return decide(gold, pred);
    } catch (RuntimeException | StackOverflowError e) {
      // The last resort that keeps the promise never to throw; a run of any length goes on.
      return new Verdict(false, "not gradable: " + e.getClass().getSimpleName(), "", "");
    } finally {
      event.commit();
    }
  }

  private Verdict decide(String gold, String pred) {
    String quick = PlainNumbers.compare(gold, pred);
    if (quick != null) {
      return new Verdict(quick.startsWith("same"), quick, gold, pred);
    }
    String g = AnswerExtractor.extract(gold).answer();
    AnswerExtractor.Extracted found = AnswerExtractor.extract(pred);
    String p = found.answer();
    if (p.isEmpty() || g.isEmpty()) {
      return new Verdict(false, "no answer found", g, p);
    }
    Decision d = answers(g, p);
    if (!d.equal() && found.how().equals("whole") && p.indexOf(' ') > 0) {
      // A short sentence that names its value after "is" or "=".
      Matcher m = Pattern.compile("(?:\\bis|\\bare|\\bequals|\\bequal to|≈)\\s+(\\S.*)$", Pattern.DOTALL).matcher(p);
      if (m.find() && answers(g, m.group(1)).equal()) {
        return new Verdict(true, "value in a sentence", g, m.group(1));
      }
    }
    return new Verdict(d.equal(), d.how(), g, p);
  }

  /** Two answers as they were found. */
  private static Decision answers(String gold, String pred) {
    String g = Cleaner.clean(gold);
    String p = Cleaner.clean(pred);
    if (g.equals(p)) {
      return Decision.same("same text");
    }
    String quick = PlainNumbers.compare(g, p);
    if (quick != null) {
      return new Decision(quick.startsWith("same"), quick);
    }
    if (g.length() > AnswerExtractor.MAX_ANSWER || p.length() > AnswerExtractor.MAX_ANSWER) {
      return Decision.different("too long to compare");
    }
    if (bare(g).equals(bare(p))) {
      return Decision.same("same text but for spacing");
    }
    Decision special = special(g, p);
    return special != null ? special : byMeaning(g, p);
  }

  /** The text without spacing and the commands that only change its look. */
  private static String bare(String s) {
    return s.replaceAll("\\\\(?:left|right|displaystyle|[,;:! ])|\\s+|~", "").replace("\\dfrac", "\\frac")
        .replace("\\tfrac", "\\frac");
  }

  /** Kinds of answer that are no mathematics: words, choices, times, dates, numbers in another base. */
  private static Decision special(String g, String p) {
    String kg = Words.key(g);
    String kp = Words.key(p);
    if (kg.equals(kp) && (Words.wordsOnly(kg) || kg.length() == 1 && isChoice(kg.charAt(0)))) {
      return Decision.same("same words");
    }
    Boolean times = Times.same(g, p);
    if (times != null) {
      return times ? Decision.same("same time or date") : Decision.different("different times or dates");
    }
    Decision choice = choice(g, kg, p, kp);
    if (choice != null) {
      return choice;
    }
    Rational a = inBase(g);
    Rational b = inBase(p);
    if (a != null || b != null) {
      Decision d = byMeaning(a != null ? a.num().toString() : g, b != null ? b.num().toString() : p);
      return d.equal() ? Decision.same("same number in its base") : d;
    }
    return null;
  }

  private static boolean isChoice(char c) {
    return Character.isLetter(c) && Character.toUpperCase(c) <= 'J';
  }

  /** "B", "(B)", "B. 42", "\text{(B)}" choose the same option. */
  private static Decision choice(String g, String kg, String p, String kp) {
    Matcher a = CHOICE.matcher(choiceText(g));
    Matcher b = CHOICE.matcher(choiceText(p));
    boolean choosesA = a.matches();
    if (!b.matches()) {
      return null;
    }
    if (!choosesA) {
      // "(C) 14", where the gold answer is 14
      boolean valued = b.group(1) != null && isChoice(b.group(1).charAt(0)) && !b.group(3).isBlank()
          && b.group(3).length() < 200;
      return valued && answers(g, b.group(3)).equal() ? Decision.same("value of the choice") : null;
    }
    String x = (a.group(1) != null ? a.group(1) : a.group(2)).toUpperCase(Locale.ROOT);
    String y = (b.group(1) != null ? b.group(1) : b.group(2)).toUpperCase(Locale.ROOT);
    boolean alone = a.group(3).isBlank() || b.group(3).isBlank();
    boolean marked = a.group(1) != null || b.group(1) != null || !a.group(3).isBlank() || !b.group(3).isBlank()
        || kg.length() == 1 && kp.length() == 1 || kp.startsWith("option ") || kp.startsWith("choice ");
    if (!alone || !marked || !isChoice(x.charAt(0)) || !isChoice(y.charAt(0))) {
      return null;
    }
    return x.equals(y) ? Decision.same("same choice") : Decision.different("different choices");
  }

  private static String choiceText(String s) {
    return s.replaceAll("\\\\(?:text|textbf|mathrm|mathbf|mbox|textrm|boxed)\\b|\\\\[ ,;:!]|[{}$*]", " ")
        .replaceAll("\\s+", " ").strip();
  }

  private static Rational inBase(String s) {
    Matcher m = BASE.matcher(s.replaceAll("\\\\(?:text|mathrm|mbox|textrm)\\b|\\\\[ ,;:!]|[{}](?![^_]*$)", ""));
    boolean digits = m.matches() && (m.group(1).chars().anyMatch(Character::isDigit) || m.group(1).matches("[A-F]{2,}"));
    if (!digits) {
      return null;
    }
    try {
      return PrimaryParser.inBase(m.group(1), Integer.parseInt(m.group(2)));
    } catch (Budget.Stop e) {
      return null;
    }
  }

  /** Reads both as mathematics, with every reading of their commas, and compares. */
  private static Decision byMeaning(String g, String p) {
    Budget budget = new Budget(BUDGET);
    Readings gold = Readings.of(g, budget);
    Readings pred = Readings.of(p, budget);
    if (gold.expressions().isEmpty() || pred.expressions().isEmpty()) {
      boolean same = bare(g).equalsIgnoreCase(bare(p)) || Words.key(g).equals(Words.key(p)) && !Words.key(g).isEmpty();
      return same ? Decision.same("same text but for spacing") : Decision.different("not readable as mathematics");
    }
    Comparer comparer = new Comparer(budget);
    Decision first = null;
    for (Expr a : gold.expressions()) {
      for (Expr b : pred.expressions()) {
        Decision d;
        try {
          d = comparer.compare(a, b);
        } catch (Budget.Stop e) {
          return Decision.different(e.getMessage());
        }
        if (d.equal()) {
          return d;
        }
        first = first == null ? d : first;
      }
    }
    return first;
  }

  /** The ways in which a text can be read: one, or several where commas are ambiguous; none when it is no mathematics. */
  private record Readings(List<Expr> expressions) {
    static Readings of(String text, Budget budget) {
      List<Expr> all = new java.util.ArrayList<>();
      String key = Words.key(text);
      Rational words = Words.number(key);
      if (words != null) {
        return new Readings(List.of(new Expr.Num(words, -1)));
      }
      if (Words.phrase(key)) {
        return new Readings(List.of(new Expr.Text(text)));
      }
      for (Lexer.Commas commas : Lexer.Commas.values()) {
        Lexer lexer = new Lexer(text, commas, budget);
        try {
          List<Token> tokens = lexer.tokens();
          Expr e = Parser.parse(tokens, budget);
          boolean collapsed = !all.isEmpty() && e.isScalar() && !(all.getFirst() instanceof Expr.ListOf)
              && !all.getFirst().isScalar();
          if (!all.contains(e) && !collapsed) {
            all.add(e);
          }
        } catch (Budget.Stop e) {
          // not readable in this way
        }
        if (!lexer.ambiguousCommas()) {
          break;
        }
      }
      if (all.isEmpty() && Words.wordsOnly(key)) {
        all.add(new Expr.Text(text));
      }
      return new Readings(all);
    }
  }
}
