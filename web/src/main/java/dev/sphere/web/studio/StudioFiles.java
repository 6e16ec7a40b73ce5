package dev.sphere.web.studio;

import dev.sphere.engine.page.HtmlPage;
import java.net.URL;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The studio's files and libraries, all of them from the jar. Names are looked up, never joined to a path. */
final class StudioFiles {
  private static final String WEBJARS = "/META-INF/resources/webjars/";
  private static final Map<String, String> LIBRARIES = Map.of(
      "lib/lit-html.js", WEBJARS + "lit-html/3.3.2/lit-html.js",
      "lib/katex.js", WEBJARS + "katex/0.16.47/dist/katex.mjs",
      "lib/katex.css", WEBJARS + "katex/0.16.47/dist/katex.min.css",
      "lib/uplot.js", WEBJARS + "uplot/1.6.30/dist/uPlot.esm.js",
      "lib/uplot.css", WEBJARS + "uplot/1.6.30/dist/uPlot.min.css");
  private static final Pattern FONT = Pattern.compile("lib/fonts/(KaTeX_[A-Za-z0-9]+-[A-Za-z]+\\.woff2)");
  private static final Pattern OWN = Pattern.compile("[a-z][a-z-]*\\.(?:js|css|svg)");

  private StudioFiles() {}

  /** The file of a name; the page itself for the empty name. */
  static Optional<URL> find(String name) {
    Matcher font = FONT.matcher(name);
    URL file = null;
    if (font.matches()) {
      file = StudioFiles.class.getResource(WEBJARS + "katex/0.16.47/dist/fonts/" + font.group(1));
    } else if (LIBRARIES.containsKey(name)) {
      file = StudioFiles.class.getResource(LIBRARIES.get(name));
    } else if (name.isEmpty()) {
      file = StudioFiles.class.getResource("index.html");
    } else if (OWN.matcher(name).matches()) {
      file = StudioFiles.class.getResource(name);
      file = file != null ? file : HtmlPage.class.getResource(name); // parts that pages and reports have too
    }
    return Optional.ofNullable(file);
  }
}
