package dev.sphere.engine.strategy;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;

/** Lines with intervals over a logarithmic axis, as SVG: it needs neither fonts nor a screen. */
final class LinePlot {
  private static final int WIDTH = 460;
  private static final int HEIGHT = 340;
  private static final int LEFT = 56;
  private static final int TOP = 16;
  private static final int RIGHT = 14;
  private static final int BOTTOM = 46;
  /** Okabe and Ito's colours, which colour-blind readers can tell apart. */
  private static final List<String> COLOURS =
      List.of("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000");

  private LinePlot() {}

  /** A point with the ends of its interval. */
  record Point(double x, double y, double low, double high) {}

  /** A line. */
  record Series(String name, List<Point> points) {}

  /** A drawing: x is logarithmic. */
  record Axes(String x, String y, List<Series> series) {}

  static String sideBySide(List<Axes> drawings) {
    StringBuilder svg = new StringBuilder();
    svg.append(text("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
        + "font-size=\"12\">%n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>%n", WIDTH * drawings.size(),
            HEIGHT));
    for (int i = 0; i < drawings.size(); i++) {
      svg.append(text("<g transform=\"translate(%d,0)\">%n", i * WIDTH));
      draw(drawings.get(i), svg);
      svg.append("</g>\n");
    }
    return svg.append("</svg>\n").toString();
  }

  private static void draw(Axes axes, StringBuilder svg) {
    List<Point> all = new ArrayList<>();
    axes.series.forEach(s -> all.addAll(s.points));
    double x0 = all.stream().mapToDouble(Point::x).min().orElse(1) / 1.25;
    double x1 = all.stream().mapToDouble(Point::x).max().orElse(10) * 1.25;
    double y0 = Math.floor(all.stream().mapToDouble(Point::low).min().orElse(0) / 5) * 5;
    double y1 = Math.ceil(all.stream().mapToDouble(Point::high).max().orElse(100) / 5) * 5;
    DoubleUnaryOperator x =
        v -> LEFT + (WIDTH - LEFT - RIGHT) * (Math.log(v) - Math.log(x0)) / (Math.log(x1) - Math.log(x0));
    DoubleUnaryOperator y = v -> HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (v - y0) / (y1 - y0);
    for (double v = y0; v <= y1; v += y1 - y0 > 40 ? 10 : 5) {
      svg.append(text("<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>%n", LEFT, WIDTH - RIGHT,
          y.applyAsDouble(v), y.applyAsDouble(v)));
      svg.append(text("<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.0f</text>%n", LEFT - 6,
          y.applyAsDouble(v) + 4, v));
    }
    for (double decade = Math.pow(10, Math.floor(Math.log10(x0))); decade <= x1; decade *= 10) {
      for (double v : new double[] {decade, 2 * decade, 5 * decade}) {
        if (v >= x0 && v <= x1) {
          svg.append(text("<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>%n", x.applyAsDouble(v),
              HEIGHT - BOTTOM + 16, v >= 1 ? text("%.0f", v) : String.valueOf(v)));
        }
      }
    }
    svg.append(text("<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>%n", (LEFT + WIDTH) / 2, HEIGHT - 10,
        axes.x));
    svg.append(text("<text transform=\"translate(14,%d) rotate(-90)\" text-anchor=\"middle\">%s</text>%n", HEIGHT / 2,
        axes.y));
    int i = 0;
    for (Series s : axes.series) {
      line(s, COLOURS.get(i % COLOURS.size()), x, y, svg);
      int at = TOP + 14 + 16 * i;
      svg.append(text("<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"%s\" stroke-width=\"2\"/>"
          + "<text x=\"%d\" y=\"%d\">%s</text>%n", LEFT + 8, LEFT + 26, at - 4, at - 4, COLOURS.get(i % COLOURS.size()),
          LEFT + 32, at, s.name));
      i++;
    }
  }

  private static void line(
      Series s, String colour, DoubleUnaryOperator x, DoubleUnaryOperator y, StringBuilder svg) {
    List<Point> points = s.points.stream().sorted(Comparator.comparingDouble(Point::x)).toList();
    StringBuilder path = new StringBuilder();
    for (Point p : points) {
      path.append(text("%.1f,%.1f ", x.applyAsDouble(p.x), y.applyAsDouble(p.y)));
      svg.append(text("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>"
          + "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>%n", x.applyAsDouble(p.x), x.applyAsDouble(p.x),
          y.applyAsDouble(p.low), y.applyAsDouble(p.high), colour, x.applyAsDouble(p.x), y.applyAsDouble(p.y), colour));
    }
    svg.append(text("<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>%n", path, colour));
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
