package dev.sphere.engine.grade.parse;

import java.util.Map;
import java.util.Set;

/** The commands of LaTeX and the names in plain text that {@link MathLexer} knows. */
final class CommandNames {
  /** Commands of LaTeX that add nothing to what is said; their arguments stay. */
  static final Set<String> IGNORED =
      Set.of(
          "left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr",
          "displaystyle", "textstyle", "scriptstyle", "limits", "nolimits", "rm", "bf", "it", "tt", "sf", "quad",
          "qquad", "thinspace", "medspace", "thickspace", "enspace", "space", "hspace", "noindent", "newline", "par",
          "hfill", "allowbreak", "mathstrut", "therefore", "hline", "ensuremath", "boxed", "fbox", "framebox",
          "large", "Large", "small", "centering", "strut", "relax");

  /** Commands whose argument is text. */
  static final Set<String> TEXTS =
      Set.of("text", "mbox", "hbox", "textbf", "textit", "textrm", "textnormal", "textsf", "texttt", "emph", "intertext");

  /** Commands that give their argument a font. */
  static final Set<String> FONTS =
      Set.of("mathrm", "mathbf", "mathit", "mathsf", "mathtt", "mathcal", "bm", "boldsymbol", "operatorname", "pmb",
          "mathop", "mathnormal", "underline", "mathfrak", "mathscr", "operatorname*", "color");

  /** Commands and names that mean another command or a sign. */
  private static final Map<String, String> SYNONYMS =
      Map.ofEntries(
          Map.entry("dfrac", "frac"), Map.entry("tfrac", "frac"), Map.entry("cfrac", "frac"), Map.entry("leq", "le"),
          Map.entry("geq", "ge"), Map.entry("leqslant", "le"), Map.entry("geqslant", "ge"), Map.entry("neq", "ne"),
          Map.entry("lt", "<"), Map.entry("gt", ">"), Map.entry("dbinom", "binom"), Map.entry("tbinom", "binom"),
          Map.entry("varnothing", "emptyset"), Map.entry("infinity", "infty"), Map.entry("inf", "infty"),
          Map.entry("oo", "infty"), Map.entry("arcsin", "asin"), Map.entry("arccos", "acos"),
          Map.entry("arctan", "atan"), Map.entry("ldots", "dots"), Map.entry("cdots", "dots"),
          Map.entry("dotsc", "dots"), Map.entry("approxeq", "approx"), Map.entry("simeq", "approx"),
          Map.entry("varphi", "phi"), Map.entry("varepsilon", "epsilon"), Map.entry("ast", "times"),
          Map.entry("bigcup", "cup"), Map.entry("bigcap", "cap"), Map.entry("union", "cup"), Map.entry("Union", "cup"),
          Map.entry("lor", "or"), Map.entry("vee", "or"), Map.entry("land", "and"), Map.entry("wedge", "and"),
          Map.entry("lbrace", "{set"), Map.entry("rbrace", "}set"), Map.entry("lbrack", "["), Map.entry("rbrack", "]"),
          Map.entry("lparen", "("), Map.entry("rparen", ")"), Map.entry("lvert", "|"), Map.entry("rvert", "|"),
          Map.entry("vert", "|"), Map.entry("mid", "|"), Map.entry("lVert", "|"), Map.entry("rVert", "|"),
          Map.entry("degree", "circ"), Map.entry("degrees", "circ"), Map.entry("smallsetminus", "setminus"),
          Map.entry("Longrightarrow", "implies"), Map.entry("Rightarrow", "implies"), Map.entry("rightarrow", "to"),
          Map.entry("iff", "implies"), Map.entry("arcsec", "asec"), Map.entry("percent", "%"), Map.entry("arcsinh", "asinh"),
          Map.entry("arccosh", "acosh"), Map.entry("arctanh", "atanh"), Map.entry("arsinh", "asinh"),
          Map.entry("arcosh", "acosh"), Map.entry("artanh", "atanh"), Map.entry("cosec", "csc"),
          Map.entry("cosech", "csch"), Map.entry("arccot", "acot"), Map.entry("arcctg", "acot"), Map.entry("ctg", "cot"),
          Map.entry("tg", "tan"), Map.entry("arctg", "atan"), Map.entry("sign", "sgn"), Map.entry("signum", "sgn"),
          Map.entry("binomial", "binom"), Map.entry("arccsc", "acsc"), Map.entry("Abs", "abs"), Map.entry("Max", "max"),
          Map.entry("Min", "min"), Map.entry("ceiling", "ceil"), Map.entry("nCr", "binom"));

  /** Names that are commands even without a backslash. */
  private static final Set<String> PLAIN =
      Set.of(
          "sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "arcsin", "arccos", "arctan", "sinh",
          "cosh", "tanh", "coth", "csch", "sech", "asinh", "acosh", "atanh", "arcsinh", "arccosh", "arctanh", "cosec",
          "cosech", "acot", "arccot", "sgn", "sign", "signum", "binomial", "ln", "log", "lg", "exp", "sqrt", "cbrt",
          "abs", "floor", "ceil", "pi", "infinity", "inf", "oo", "or", "and", "binom", "gcd", "lcm", "max", "min",
          "union", "Union", "degrees", "degree", "percent", "theta", "alpha", "beta", "gamma", "lambda", "delta",
          "epsilon", "zeta", "eta", "kappa", "mu", "nu", "xi", "rho", "sigma", "tau", "phi", "chi", "omega", "Gamma",
          "Delta", "Theta", "Lambda", "Sigma", "Phi", "Omega", "Abs", "Max", "Min", "ceiling", "factorial", "nCr",
          "nPr", "sinc", "asec", "acsc", "arcsec", "arccsc", "asech", "acsch", "acoth", "frac", "times", "cup",
          "cdot", "le", "ge", "ne", "leq", "geq", "neq");

  private CommandNames() {}

  /** True for a name that is a command even without a backslash. */
  static boolean isPlain(String name) {
    return PLAIN.contains(name);
  }

  /** True for a name that is a command with a backslash or without. */
  static boolean isKnown(String name) {
    return PLAIN.contains(name) || SYNONYMS.containsKey(name);
  }

  /** The command or sign that the name means; without a synonym the name itself. */
  static String meaning(String name) {
    return SYNONYMS.getOrDefault(name, name);
  }
}
