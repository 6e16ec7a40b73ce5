package dev.sphere.engine.page;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class HtmlPageTest {
  @Test
  void whatComesFromOutsideIsTextWhereverItStands() {
    String html = new HtmlPage("<i>\u0001").table("%s <b>", List.of("<u>"), List.of(List.of("a & b", "%d")))
        .add("<p title=\"%s\">%s, 5 %%</p>", "\"><script>", "<script>").html();
    assertTrue(html.contains("<title>&lt;i&gt;\\u0001</title>"), html);
    assertTrue(html.contains("<h2>%s &lt;b&gt;</h2>") && html.contains("<th>&lt;u&gt;</th>"), html);
    assertTrue(html.contains("<td>a &amp; b</td><td>%d</td>"), html);
    assertTrue(html.contains("<p title=\"&quot;&gt;&lt;script&gt;\">&lt;script&gt;, 5 %</p>"), html);
    assertFalse(html.contains("<script"), "no charts, no script");
  }

  @Test
  void chartsComeWithWhatDrawsThem() {
    HtmlPage.Chart chart = new HtmlPage.Chart("</script>", "steps", List.of(1, 2),
        List.of(new HtmlPage.Line("a", Arrays.asList(0.5, null))));
    String html = new HtmlPage("charts").charts(List.of(chart)).html();
    assertTrue(html.contains("<script type=\"application/json\" id=\"data\">{\"charts\":[{\"title\":\"\\u003c/script>\",\"names\":[\"a\"],"
        + "\"x\":[1,2],\"values\":[[0.5,null]],\"label\":\"steps\"}]}</script>"), "data");
    assertTrue(html.contains("uPlot") && html.contains("<div id=\"charts\">"));
    assertEquals(4, html.split("</script>", -1).length, "library, data and modules, none of them out of the data");
    assertFalse(html.contains("\nexport ") || html.contains("\nimport "), "a page that is opened from a file may load no module");
  }

  @Test
  void textsInTheDataAreShownAsWordsAre() {
    Map<String, Object> tree = Map.of("text", "a\u202eb\u001b<", "children", List.of(Map.of("text", "\u2028", "prm", 0.5)));
    String html = new HtmlPage("trees").trees(List.of(tree)).html();
    assertTrue(html.contains("a\\\\u202eb\\\\u001b\\u003c") && html.contains("\"\\\\u2028\""), "what steers the reading is written out");
  }
}
