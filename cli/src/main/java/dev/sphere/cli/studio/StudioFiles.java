package dev.sphere.cli.studio;

import dev.sphere.engine.page.HtmlPage;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.util.Map;
import java.util.regex.Pattern;

/** The studio's own files and the libraries that it uses, all of them from the jar. Names are looked up, never joined to a path. */
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
  private static final Map<String, String> TYPES = Map.of(
      "html", "text/html; charset=utf-8",
      "js", "text/javascript; charset=utf-8",
      "css", "text/css; charset=utf-8",
      "svg", "image/svg+xml",
      "woff2", "font/woff2");

  private StudioFiles() {}

  /** A file of the studio. */
  record Found(URL place, String type) {
    InputStream open() throws IOException {
      return place.openStream();
    }
  }

  /** The file of a name; null when there is none. */
  static Found find(String name) {
    String file = name.isEmpty() ? "index.html" : name;
    var font = FONT.matcher(file);
    URL place = null;
    if (font.matches()) {
      place = StudioFiles.class.getResource(WEBJARS + "katex/0.16.47/dist/fonts/" + font.group(1));
    } else if (LIBRARIES.containsKey(file)) {
      place = StudioFiles.class.getResource(LIBRARIES.get(file));
    } else if (name.isEmpty() || OWN.matcher(file).matches()) {
      place = StudioFiles.class.getResource(file);
      place = place != null ? place : HtmlPage.class.getResource(file); // parts that pages and reports have too
    }
    return place == null ? null : new Found(place, TYPES.get(file.substring(file.lastIndexOf('.') + 1)));
  }
}
