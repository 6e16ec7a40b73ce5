package dev.sphere.grade.parse;

import dev.sphere.grade.extract.AnswerText;
import dev.sphere.grade.extract.Phrases;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.GradingBudget;
import dev.sphere.grade.value.NumberWords;
import dev.sphere.grade.value.Rational;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads a cleaned answer as mathematics. */
public final class AnswerReader {
  private static final Pattern BASE = Pattern.compile("\\(?([0-9A-Za-z]+)\\)?\\s*_\\s*\\{?\\s*(\\d{1,2})\\s*\\}?");

  private static final Pattern BASE_LOOK =
      Pattern.compile("\\\\(?:text|mathrm|mbox|textrm)\\b|\\\\[ ,;:!]|[{}](?![^_]*$)");

  private AnswerReader() {}

  /**
   * The ways in which an answer can be read: one, or several where commas are ambiguous; none for no mathematics.
   * Numbers in words and phrases are read as such.
   */
  public static List<Expr> read(String text, GradingBudget budget) {
    String key = AnswerText.isFormula(text) ? "" : Phrases.key(text);
    Rational words = NumberWords.number(key);
    if (words != null) {
      return List.of(new Expr.Num(words, -1));
    }
    if (isPhrase(key)) {
      return List.of(new Expr.Text(text));
    }
    List<Expr> all = new ArrayList<>();
    for (MathLexer.Commas commas : MathLexer.Commas.values()) {
      MathLexer lexer = new MathLexer(text, commas, budget);
      try {
        Expr e = MathParser.parse(lexer.tokens(), budget);
        boolean collapsed = !all.isEmpty() && e.isScalar() && !(all.getFirst() instanceof Expr.ListOf)
            && !all.getFirst().isScalar();
        if (!all.contains(e) && !collapsed) {
          all.add(e);
        }
      } catch (GradingBudget.Stop e) {
        // not readable in this way
      }
      if (!lexer.ambiguousCommas()) {
        break;
      }
    }
    if (all.isEmpty() && Phrases.wordsOnly(key)) {
      all.add(new Expr.Text(text));
    }
    return all;
  }

  /**
   * Reads an answer in one way: commas group thousands outside brackets and separate inside.
   *
   * @throws GradingBudget.Stop when it is no mathematics
   */
  public static Expr readAsUsual(String text, GradingBudget budget) {
    return MathParser.parse(new MathLexer(text, MathLexer.Commas.USUAL, budget).tokens(), budget);
  }

  /** True for a phrase: words only, one of them with four letters or more that is no mathematics. */
  private static boolean isPhrase(String key) {
    return Phrases.wordsOnly(key) && !Phrases.namesFunction(key)
        && Arrays.stream(key.split("[ ,]+")).anyMatch(w -> w.length() > 3)
        && key.indexOf(',') < 0 && !key.contains(" or ") && !key.contains(" and ") && NumberWords.number(key) == null
        && !key.contains("sqrt") && !key.contains("infinity") && NumberWords.number(key.split(" ", 2)[0]) == null;
  }

  /** The number that a text gives in another base, as in 101_2 or (FF)_{16}; null when it gives none. */
  public static Rational inBase(String s) {
    Matcher m = BASE.matcher(s.indexOf('_') < 0 ? "" : BASE_LOOK.matcher(s).replaceAll(""));
    boolean digits = m.matches() && (m.group(1).chars().anyMatch(Character::isDigit)
        || m.group(1).length() > 1 && m.group(1).chars().allMatch(c -> c >= 'A' && c <= 'F'));
    if (!digits) {
      return null;
    }
    try {
      return Rational.inBase(m.group(1), Integer.parseInt(m.group(2)));
    } catch (GradingBudget.Stop e) {
      return null;
    }
  }

  /** The text after the last equals sign outside brackets; null when there is no such sign. */
  public static String afterLastEquals(String s) {
    int depth = 0;
    for (int i = s.length() - 1; i > 0; i--) {
      char c = s.charAt(i);
      depth += c == '}' || c == ')' || c == ']' ? 1 : c == '{' || c == '(' || c == '[' ? -1 : 0;
      if (c == '=' && depth == 0 && "<>!:=/\\".indexOf(s.charAt(i - 1)) < 0) {
        return s.substring(i + 1).strip();
      }
    }
    return null;
  }
}
