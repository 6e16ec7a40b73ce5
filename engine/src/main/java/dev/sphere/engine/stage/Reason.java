package dev.sphere.engine.stage;

import java.util.Locale;

/** Why a stage made no pair of a problem. */
public enum Reason {
  /** Stage 1: Sol_max and Sol_min are both right, there is no contrast. Stage 3 takes over. */
  BOTH_RIGHT("every solution was right: no contrast"),
  /** Stage 1: Sol_max and Sol_min are both wrong. Stage 2 takes over. */
  BOTH_WRONG("every solution was wrong"),
  /** Stage 1: the unpromising chain was right and the promising one wrong. Stage 2 takes over. */
  ONLY_MIN_RIGHT("only Sol_min was right"),
  /** At every step the candidates came out equal, or all but one were cut: there is only one solution. */
  IDENTICAL("all candidates were identical, or cut: one solution only"),
  /** The wrong solutions were cut at a limit, so they are no answers. */
  TRUNCATED("no complete wrong solution: cut at a limit"),
  /** Stage 2: no attempt to correct gave a right solution. */
  NOT_CORRECTED("the correction did not come out right"),
  /** Stage 2: a correction came out right, but the line that its solution begins after was missing. */
  NO_MARKER("the correction does not say where its solution begins"),
  /** Stage 3: the small model's solutions are right, or not complete. */
  NO_WRONG_FOUND("the small model found no complete wrong solution"),
  /** Stage 3: no small model was given. */
  NO_SMALL_MODEL("no small model was given"),
  /** Every pair that was found repeats one that is there already. */
  DUPLICATE("the pair repeats another one"),
  /** Every pair that was found is like one that is there already, in other words. */
  NEAR_DUPLICATE("the pair is nearly another one"),
  /** Chosen and rejected differ in length by more than is allowed. */
  LENGTH_RATIO("the lengths of chosen and rejected are too far apart"),
  /** An answer of every pair that was found is not stated, but had to be guessed from the text. */
  GUESSED("an answer is not stated: it would be a guess"),
  /** The problem has as many pairs as it may have. */
  CAPPED("the problem has its pairs already"),
  /** The prompt leaves no room in the model's context. */
  PROMPT_TOO_LONG("the prompt does not fit into the model's context"),
  /** The share of right draws of the probe lies outside the pass rate that is searched. */
  PASS_RATE("its pass rate is outside of what is searched"),
  /** Its pass rate allows it, but as many problems as were to be taken came before it. */
  NOT_TAKEN("enough other problems were taken"),
  /** The stage does not concern this problem. */
  NOT_APPLICABLE("not applicable"),
  /** The stage is switched off. */
  DISABLED("switched off");

  private final String text;

  Reason(String text) {
    this.text = text;
  }

  /** The reason in words. */
  public String text() {
    return text;
  }

  /** The name in files: lower case. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
