package dev.sphere.grade.compare;

/**
 * The rules that can decide a grading. A rule implies whether the answers are equal. Its words become
 * {@link Decision#how}, with a detail in the place of {@code %s}.
 */
public enum Rule {
  APPROXIMATION_OF_THE_VALUE(true, "approximation of the value"),
  DEGREE_SIGN_LEFT_OUT(true, "degree sign left out"),
  DEGREES_AS_RADIANS(true, "degrees as radians"),
  EQUATION_TIMES_A_CONSTANT(true, "equation times a constant"),
  INEQUALITY_TIMES_A_CONSTANT(true, "inequality times a constant"),
  LAST_VALUE_IN_A_SENTENCE(true, "last value in a sentence"),
  ONE_SIDE_OF_THE_APPROXIMATION(true, "one side of the approximation"),
  PERCENT_AS_ITS_VALUE(true, "percent as its value"),
  PERCENT_SIGN_LEFT_OUT(true, "percent sign left out"),
  RATIO_AS_A_FRACTION(true, "ratio as a fraction"),
  REACHES_THE_TARGET(true, "reaches the target with the given numbers"),
  ROUNDED_TO_THE_DIGITS_GIVEN(true, "rounded to the digits given"),
  SAME_ANSWERS_IN_ANY_ORDER(true, "same answers in any order"),
  SAME_CHAIN_OF_RELATIONS(true, "same chain of relations"),
  SAME_CHOICE(true, "same choice"),
  SAME_ENDS_OF_THE_CHAIN(true, "same ends of the chain"),
  SAME_ENDS_ROUNDED(true, "same ends, rounded"),
  SAME_ENTRIES(true, "same entries"),
  SAME_EXPRESSION(true, "same expression"),
  SAME_FUNCTION(true, "same function"),
  SAME_INFINITY(true, "same infinity"),
  SAME_ITEMS_IN_ORDER(true, "same items in order"),
  SAME_ITEMS_BRACKETS_LEFT_OUT(true, "same items, brackets left out"),
  SAME_NUMBER(true, "same number"),
  SAME_NUMBER_IN_ITS_BASE(true, "same number in its base"),
  SAME_NUMBER_DECIMAL_COMMA(true, "same number, decimal comma"),
  SAME_PARTS(true, "same parts"),
  SAME_RATIO(true, "same ratio"),
  SAME_RIGHT_HAND_SIDE(true, "same right-hand side"),
  SAME_SET_OF_REALS(true, "same set of reals"),
  SAME_SET_OPERATION(true, "same set operation"),
  SAME_SIDES(true, "same sides"),
  SAME_TEXT(true, "same text"),
  SAME_TEXT_BUT_FOR_SPACING(true, "same text but for spacing"),
  SAME_TIME_OR_DATE(true, "same time or date"),
  SAME_TRUTH_VALUE(true, "same truth value"),
  SAME_VALUE(true, "same value"),
  SAME_VALUE_AFTER_CONVERSION_OF_UNITS(true, "same value after conversion of units"),
  SAME_VALUE_AND_UNIT(true, "same value and unit"),
  SAME_VALUE_UNIT_LEFT_OUT(true, "same value, unit left out"),
  SAME_VALUES_AT_POINTS(true, "same values at %s"),
  SAME_VALUES_IN_THE_ORDER_OF_THE_NAMES(true, "same values in the order of the names"),
  SAME_VALUES_OF_PLUS_MINUS(true, "same values of ±"),
  SAME_VALUES_UP_TO_ROUNDED_COEFFICIENTS(true, "same values up to rounded coefficients at %s"),
  SAME_WORDS(true, "same words"),
  SAME_ZEROS(true, "same zeros"),
  VALUE_AFTER_THE_LAST_EQUALS_SIGN(true, "value after the last equals sign"),
  VALUE_IN_A_SENTENCE(true, "value in a sentence"),
  VALUE_OF_THE_CHOICE(true, "value of the choice"),
  VALUE_OF_THE_EQUATION(true, "value of the equation: %s"),
  WITHIN_TOLERANCE(true, "within the problem's tolerance"),

  BEYOND_LIMITS(false, "%s"),
  A_NUMBER_IN_A_BASE_AND_ONE_WITH_A_UNIT(false, "a number in a base and one with a unit"),
  A_RATIO_AND_NO_RATIO(false, "a ratio and no ratio"),
  AN_EQUATION_AND_A_VALUE(false, "an equation and a value"),
  AN_INEQUALITY_AND_A_VALUE(false, "an inequality and a value"),
  AN_INTERVAL_AND_A_LIST(false, "an interval and a list"),
  DEFINED_AT_DIFFERENT_POINTS(false, "defined at different points"),
  DIFFERENT_ANSWERS(false, "different answers"),
  DIFFERENT_BRACKETS(false, "different brackets"),
  DIFFERENT_CHAINS(false, "different chains"),
  DIFFERENT_CHOICES(false, "different choices"),
  DIFFERENT_FROM_THE_APPROXIMATION(false, "different from the approximation"),
  DIFFERENT_FUNCTIONS(false, "different functions"),
  DIFFERENT_KINDS_OF_ANSWER(false, "different kinds of answer"),
  DIFFERENT_NAMES(false, "different names"),
  DIFFERENT_NUMBERS(false, "different numbers"),
  DIFFERENT_NUMBERS_OF_ANSWERS(false, "different numbers of answers"),
  DIFFERENT_PARTS(false, "different parts"),
  DIFFERENT_RATIOS(false, "different ratios"),
  DIFFERENT_RELATIONS(false, "different relations"),
  DIFFERENT_SET_OPERATIONS(false, "different set operations"),
  DIFFERENT_SETS_OF_REALS(false, "different sets of reals"),
  DIFFERENT_TIMES_OR_DATES(false, "different times or dates"),
  DIFFERENT_UNITS(false, "different units"),
  DIFFERENT_VALUES(false, "different values"),
  DIFFERENT_VALUES_AT_A_POINT(false, "different values at a point"),
  DIFFERENT_WORDS(false, "different words"),
  INFINITE_AND_FINITE(false, "infinite and finite"),
  ITEM_DIFFERS(false, "item %s differs"),
  MATRICES_OF_DIFFERENT_SHAPE(false, "matrices of different shape"),
  MISSES_THE_TARGET(false, "misses the target"),
  NO_ANSWER(false, "no answer"),
  NO_ANSWER_FOUND(false, "no answer found"),
  NO_ARITHMETIC(false, "no arithmetic of whole numbers"),
  NO_VALUE_TO_COMPARE(false, "no value to compare"),
  NOT_COMPARABLE_BY_VALUES(false, "not comparable by values"),
  NOT_GRADABLE(false, "not gradable: %s"),
  UNREADABLE(false, "not readable as mathematics"),
  NUMBERS_NOT_GIVEN(false, "uses a number that is not given, or one too often"),
  POWERS_TOO_LARGE_TO_COMPARE(false, "powers too large to compare"),
  RATIOS_OF_DIFFERENT_LENGTH(false, "ratios of different length"),
  RELATIONS_BETWEEN_DIFFERENT_NAMES(false, "relations between different names"),
  SIGNS_NOT_EXPANDED(false, "signs not expanded"),
  TOO_LONG_TO_COMPARE(false, "too long to compare"),
  TUPLES_OF_DIFFERENT_LENGTH(false, "tuples of different length");

  private final boolean equal;
  private final String words;

  Rule(boolean equal, String words) {
    this.equal = equal;
    this.words = words;
  }

  boolean equal() {
    return equal;
  }

  String words() {
    return words;
  }
}
