package dev.sphere.grade.compare;

import dev.sphere.grade.extract.AnswerText;
import java.util.Locale;
import java.util.function.BiPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Multiple choice: letters from A to J, with or without marks, beside their text, or named in a sentence. */
public final class Choices {
  private static final String OTHER_SCRIPT = "[\\p{L}&&[^\\p{IsLatin}\\p{IsGreek}]]";
  private static final Pattern CHOICE =
      Pattern.compile("(?:option|choice|answer)?\\s*(?:\\(\\s*([A-Za-z])\\s*\\)|([A-Za-z])(?:[).:]|$))\\s*(.*)",
          Pattern.DOTALL | Pattern.CASE_INSENSITIVE);
  private static final Pattern NAMED =
      Pattern.compile("(?:(?i:answer|option|choice|réponse|respuesta|antwort|risposta|resposta|答案)"
          + "(?i:\\s+(?:is|must\\s+be|should\\s+be|would\\s+be|est|es|ist|è|é)|[是为])?\\s*[:：]?"
          + "|(?i:it\\s*(?:'s|is)|pick|choose|select|think\\s+it\\s*(?:'s|is)))"
          + "\\s*(?i:for\\s+sure|definitely|clearly|surely|probably|most\\s+likely|option|choice|letter)?[\\s:*(]*"
          + "([A-J])(?=[\\s)*.,:;!。，]|$|" + OTHER_SCRIPT + ")");
  private static final Pattern LEADING =
      Pattern.compile("^\\(?([A-J])(?:[).:。，]|\\s+(?=[A-Z0-9$\\\\])|(?=" + OTHER_SCRIPT + "))");

  /** "I would go with (B) here", not "not (A)". */
  private static final Pattern MARKED = Pattern.compile("(?<=\\s)(?<!not |n't |than |不是 )\\(([A-J])\\)");
  /** A text that ends in a letter: "let's finalize B", or C on the last line. */
  private static final Pattern CLOSING = Pattern.compile("(?<!not |n't |不是 )(?<=\\s)([A-J])[.*\\s]*$");
  private static final Pattern LETTER = Pattern.compile("\\(?\\s*[A-J]\\s*\\)?\\.?");
  private static final Pattern LOOK =
      Pattern.compile("\\\\(?:text|textbf|mathrm|mathbf|mbox|textrm|boxed)\\b|\\\\[ ,;:!]|[{}$*]");
  private static final Pattern SPACES = Pattern.compile("\\s+");
  private static final Pattern WORD = Pattern.compile("[a-z]{2}");

  private Choices() {}

  /**
   * The letter that a text chooses where the gold answer is a letter; null when it names none: the last "the answer is
   * C", "it's C", else the letter with which it begins. "It's not A" names nothing.
   */
  public static String letterIn(String text) {
    String tail = text.length() > 20_000 ? text.substring(text.length() - 20_000) : text;
    Matcher m = NAMED.matcher(tail);
    String last = null;
    while (m.find()) {
      last = m.group(1);
    }
    if (last == null) {
      m = LEADING.matcher(tail.strip());
      last = m.find() ? m.group(1) : null;
    }
    for (Pattern p : new Pattern[] {MARKED, CLOSING}) {
      m = p.matcher(last == null && tail.indexOf('\\') < 0 && WORD.matcher(tail).find() ? tail : "");
      while (m.find()) {
        last = m.group(1);
      }
    }
    return last;
  }

  /** True where the gold answer is nothing but a letter from A to J, with or without brackets. */
  public static boolean isLetter(String gold) {
    return gold.length() < 40 && !AnswerText.isFormula(gold) && LETTER.matcher(choiceText(gold)).matches();
  }

  /** True for a letter that may name a choice: A to J, in either case. */
  public static boolean isChoice(char c) {
    return Character.isLetter(c) && Character.toUpperCase(c) <= 'J';
  }

  /**
   * "B", "(B)", "B. 42", "\text{(B)}" choose the same option.
   *
   * @param kg the words of the gold answer {@code g}, by {@link Phrases#key}; {@code kp} are those of the prediction
   *     {@code p}
   * @param same whether two answers mean the same
   * @return the decision; null where not both are choices
   */
  public static Decision compare(String g, String kg, String p, String kp, BiPredicate<String, String> same) {
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
      return valued && same.test(g, b.group(3)) ? Decision.of(Rule.VALUE_OF_THE_CHOICE) : null;
    }
    String x = (a.group(1) != null ? a.group(1) : a.group(2)).toUpperCase(Locale.ROOT);
    String y = (b.group(1) != null ? b.group(1) : b.group(2)).toUpperCase(Locale.ROOT);
    boolean alone = a.group(3).isBlank() || b.group(3).isBlank();
    boolean marked = a.group(1) != null || b.group(1) != null || !a.group(3).isBlank() || !b.group(3).isBlank()
        || kg.length() == 1 && kp.length() == 1 || kp.startsWith("option ") || kp.startsWith("choice ");
    if (!alone || !marked || !isChoice(x.charAt(0)) || !isChoice(y.charAt(0))) {
      return null;
    }
    return x.equals(y) ? Decision.of(Rule.SAME_CHOICE) : Decision.of(Rule.DIFFERENT_CHOICES);
  }

  private static String choiceText(String s) {
    return SPACES.matcher(LOOK.matcher(s).replaceAll(" ")).replaceAll(" ").strip();
  }
}
