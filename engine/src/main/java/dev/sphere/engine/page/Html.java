package dev.sphere.engine.page;

import dev.sphere.base.Visible;
import java.util.Locale;

/** Text for HTML pages that stand alone: no script, no file besides. */
final class Html {
  private static final String STYLE = """
      body{font:15px/1.45 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#1b1b1b}
      table{border-collapse:collapse}td,th{padding:.25em .7em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
      .q{background:#f4f4f4;padding:.8em;white-space:pre-wrap}.step{white-space:pre-wrap;font-family:ui-monospace,monospace;font-size:13px}
      .node{margin:.25em 0 .25em .4em;padding:.25em .6em;border-left:4px solid #bbb}
      .max{border-color:#2a7d2a}.min{border-color:#c04a1a}.pruned{color:#888;border-color:#e3e3e3}
      .score{color:#555;font-size:12px}.right{color:#2a7d2a}.wrong{color:#c04a1a}
      .pair{display:grid;grid-template-columns:1fr 1fr;gap:1em;margin:1em 0}.pair>div{border:1px solid #ddd;padding:.6em}
      mark{background:#ffe08a}summary{cursor:pointer}""";

  private Html() {}

  static String page(String title, String body) {
    return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + Visible.html(title)
        + "</title><style>"
        + STYLE + "</style></head>\n<body>\n" + body + "</body></html>\n";
  }

  static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
