package dev.sphere.grade.parse;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** The commands of LaTeX and the names in plain text that {@link MathLexer} knows. */
final class CommandNames {
  /** Commands of LaTeX without a meaning; their arguments stay. */
  static final Set<String> IGNORED =
      Set.of("left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr",
          "displaystyle", "textstyle", "scriptstyle", "limits", "nolimits", "rm", "bf", "it", "tt", "sf", "quad",
          "qquad", "thinspace", "medspace", "thickspace", "enspace", "space", "hspace", "noindent", "newline", "par",
          "hfill", "allowbreak", "mathstrut", "therefore", "hline", "ensuremath", "boxed", "fbox", "framebox",
          "large", "Large", "small", "centering", "strut", "relax");

  /** Commands whose argument is text. */
  static final Set<String> TEXTS =
      Set.of("text", "mbox", "hbox", "textbf", "textit", "textrm", "textnormal", "textsf", "texttt", "emph",
          "intertext");

  /** Commands that give their argument a font. */
  static final Set<String> FONTS =
      Set.of("mathrm", "mathbf", "mathit", "mathsf", "mathtt", "mathcal", "bm", "boldsymbol", "operatorname", "pmb",
          "mathop", "mathnormal", "underline", "mathfrak", "mathscr", "operatorname*", "color");

  /** Commands and names that mean another command or a sign, by what they mean. */
  private static final Map<String, String> SYNONYMS = new HashMap<>();

  static {
    String[][] names = {
        {"frac", "dfrac tfrac cfrac"}, {"le", "leq leqslant"}, {"ge", "geq geqslant"}, {"ne", "neq"}, {"<", "lt"},
        {">", "gt"}, {"binom", "dbinom tbinom binomial nCr"}, {"emptyset", "varnothing"},
        {"infty", "infinity inf oo"}, {"asin", "arcsin"}, {"acos", "arccos"}, {"atan", "arctan arctg"},
        {"dots", "ldots cdots dotsc"}, {"approx", "approxeq simeq"}, {"phi", "varphi"}, {"epsilon", "varepsilon"},
        {"times", "ast"}, {"cup", "bigcup union Union"}, {"cap", "bigcap"}, {"or", "lor vee"}, {"and", "land wedge"},
        {"{set", "lbrace"}, {"}set", "rbrace"}, {"[", "lbrack"}, {"]", "rbrack"}, {"(", "lparen"}, {")", "rparen"},
        {"|", "lvert rvert vert mid lVert rVert"}, {"circ", "degree degrees"}, {"setminus", "smallsetminus"},
        {"implies", "Longrightarrow Rightarrow iff"}, {"to", "rightarrow"}, {"asec", "arcsec"}, {"%", "percent"},
        {"asinh", "arcsinh arsinh"}, {"acosh", "arccosh arcosh"}, {"atanh", "arctanh artanh"}, {"csc", "cosec"},
        {"csch", "cosech"}, {"acot", "arccot arcctg"}, {"cot", "ctg"}, {"tan", "tg"}, {"sgn", "sign signum"},
        {"acsc", "arccsc"}, {"abs", "Abs"}, {"max", "Max"}, {"min", "Min"}, {"ceil", "ceiling"}};
    for (String[] n : names) {
      for (String synonym : n[1].split(" ")) {
        SYNONYMS.put(synonym, n[0]);
      }
    }
  }

  /** Names that are commands even without a backslash. */
  private static final Set<String> PLAIN =
      Set.of("sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "arcsin", "arccos", "arctan", "sinh",
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
