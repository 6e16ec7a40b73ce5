package dev.sphere.cli.browser;

import dev.sphere.base.FreeMemory;
import dev.sphere.web.studio.StudioRuns;
import dev.sphere.web.studio.StudioServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Pictures of the studio's views for the docs, and figures of a long run; lab/studies/studio.sh calls it. */
public final class StudioStudy {
  private static final String READY = "document.querySelector('h1') && !document.querySelector('[role=alert]')";
  private static final String READ = "!document.querySelector('main').innerText.includes('Reading the logs')";
  private static final String ROWS = "document.querySelector('#rows .c-id')";

  private StudioStudy() {}

  /** {@code pictures RUN FOLDER}: of a run of the demo. {@code long FOLDER N}: of a run of N problems, made there if missing. */
  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "pictures" -> pictures(Path.of(args[1]), Path.of(args[2]));
      case "long" -> longRun(Path.of(args[1]), Integer.parseInt(args[2]));
      default -> throw new IllegalArgumentException("pictures or long, not " + args[0]);
    }
  }

  private static void pictures(Path run, Path folder) throws IOException {
    String search = "round-1%2Fsearch";
    try (StudioServer server = new StudioServer(run, 0); Chromium browser = Chromium.start(); Tab tab = browser.tab()) {
      // The first problem whose tree is wide enough to show what a tree is, and that gave a pair.
      tab.open(server.address() + "#/run?run=" + search).waitFor(ROWS).waitFor(READ);
      String problem = tab.evaluate("(async () => { const page = await (await fetch('api/problems?count=40&from=0&reason=pairs&run=" + search
          + "')).json(); for (const row of page.rows) { const p = await (await fetch('api/problem?run=" + search
          + "&problem=' + encodeURIComponent(row.id))).json(); if (p.tree.filter(e => e.search === 'generation').length >= 6) return row.id; }"
          + " return page.rows[0].id; })()").asString();
      Map<String, String> views = new LinkedHashMap<>();
      views.put("runs", "");
      views.put("run", "run?run=" + search);
      views.put("problem", "problem?run=" + search + "&problem=" + problem + "&node=%2B%2B");
      views.put("pair", "pair?run=" + search + "&problem=" + problem + "&n=0&mode=change");
      views.put("training", "training?runs=round-1%2Ftrain");
      views.put("evolution", "evolution?run=.");
      views.put("compare", "compare?a=base-answers.jsonl&b=round-1%2Fanswers.jsonl");
      for (Map.Entry<String, String> view : views.entrySet()) {
        tab.size(1200, 780, false).open(server.address() + "#/" + view.getValue()).waitFor(READY);
        if (view.getKey().equals("pair")) {
          tab.waitFor("document.querySelector('.token')");
        }
        tab.settle().picture(folder.resolve("studio-" + view.getKey() + ".png"));
      }
    }
  }

  private static void longRun(Path folder, int n) throws Exception {
    Path run = folder.resolve("long");
    if (!Files.exists(run)) {
      StudioRuns.search(run, n);
    }
    try (StudioServer server = new StudioServer(folder, 0); Chromium browser = Chromium.start(); Tab tab = browser.tab()) {
      tab.size(1300, 900, false).open("about:blank?");
      for (String which : new String[] {"first", "again"}) {
        long start = System.nanoTime();
        tab.open(server.address() + "#/run?run=long").waitFor(ROWS);
        double rows = (System.nanoTime() - start) / 1e9;
        tab.waitFor(READ);
        double all = (System.nanoTime() - start) / 1e9;
        System.out.printf(Locale.ROOT, "%s: rows after %.2f s, all logs read after %.2f s%n", which, rows, all);
      }
      for (String[] ask : new String[][] {{"sort", "&sort=right&desc=1"}, {"text", "&text=is%20" + (n - 1)}, {"reason", "&reason=pairs"}}) {
        long start = System.nanoTime();
        tab.open(server.address() + "#/run?run=long" + ask[1]).waitFor(ROWS);
        System.out.printf(Locale.ROOT, "%s: %.2f s%n", ask[0], (System.nanoTime() - start) / 1e9);
      }
      tab.open(server.address() + "#/run?run=long").waitFor(ROWS);
      long before = tab.heap();
      for (int i = 1; i <= 100; i++) {
        tab.evaluate("document.querySelector('#rows').scrollTop = document.querySelector('#rows').scrollHeight * " + i / 100.0);
        tab.waitFor("[...document.querySelectorAll('#rows .row')].some(r => r.querySelector('.c-id'))");
      }
      JsonNode rows = tab.evaluate("document.querySelectorAll('#rows .row').length");
      System.gc();
      System.out.printf(Locale.ROOT, "browser: %.1f MB before, %.1f MB after 100 places of the table; %d rows in the page%n", before / 1e6,
          tab.heap() / 1e6, rows.asInt());
      System.out.printf(Locale.ROOT, "server: heap %.0f MB, at most %.0f MB resident%n",
          (Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory()) / 1e6, FreeMemory.peak() / 1e6);
    }
  }
}
