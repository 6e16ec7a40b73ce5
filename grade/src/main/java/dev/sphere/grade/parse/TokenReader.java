package dev.sphere.grade.parse;

import dev.sphere.grade.parse.MathToken.Kind;
import dev.sphere.grade.value.GradingBudget;
import java.util.ArrayList;
import java.util.List;

/** The tokens of an answer, read from the first to the last. */
final class TokenReader {
  private final GradingBudget budget;
  private final List<MathToken> tokens;
  private int at;

  /** @param tokens the last one is the end */
  TokenReader(List<MathToken> tokens, GradingBudget budget) {
    this.tokens = new ArrayList<>(tokens);
    this.budget = budget;
  }

  void spend() {
    budget.spend(1);
  }

  /** The next token, which stays. */
  MathToken peek() {
    return tokens.get(at);
  }

  /** The token {@code k} after the next one, or the end. */
  MathToken ahead(int k) {
    return tokens.get(Math.min(at + k, tokens.size() - 1));
  }

  /** The token that was taken last; the end where none was. */
  MathToken previous() {
    return at > 0 ? tokens.get(at - 1) : tokens.getLast();
  }

  /** Takes the next token; the end stays. */
  MathToken take() {
    MathToken t = tokens.get(at);
    at += t.kind() == Kind.END ? 0 : 1;
    return t;
  }

  void advance(int n) {
    at += n;
  }

  void back() {
    at--;
  }

  /** Puts another token in the next one's place. */
  void replace(MathToken token) {
    tokens.set(at, token);
  }

  /** Takes the next token where it is that operator. */
  boolean skip(String operator) {
    boolean here = peek().is(operator);
    at += here ? 1 : 0;
    return here;
  }

  void expect(String operator) {
    if (!take().is(operator)) {
      at--;
      throw unexpected();
    }
  }

  GradingBudget.Stop unexpected() {
    return new GradingBudget.Stop("cannot read '" + peek().text() + "' at token " + at);
  }
}
