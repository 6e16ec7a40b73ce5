package dev.sphere.cli.progress;

import dev.sphere.base.SafeText;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.Charset;

/**
 * The standard output and error of the commands, through which all that they print goes: names, problems, answers and
 * messages come from files and models, so what would steer the terminal is shown and not obeyed ({@link SafeText}).
 * Progress bars draw past it: all that they print is ours.
 */
public final class Terminal {
  private Terminal() {}

  /** A writer that shows what it is given on the stream. */
  public static PrintWriter over(PrintStream stream) {
    Charset charset = stream.charset();
    // The stream itself is not closed with the writer: it is the process's.
    Writer bare = new OutputStreamWriter(new FilterOutputStream(stream) {
      @Override
      public void write(byte[] bytes, int offset, int length) {
        stream.write(bytes, offset, length);
      }

      @Override
      public void close() {
        stream.flush();
      }
    }, charset);
    return new PrintWriter(new Showing(bare), true);
  }

  /** Each piece of text on its way. */
  private static final class Showing extends Writer {
    private final Writer out;

    Showing(Writer out) {
      this.out = out;
    }

    @Override
    public void write(char[] text, int offset, int length) throws IOException {
      write(new String(text, offset, length), 0, length);
    }

    @Override
    public void write(String text, int offset, int length) throws IOException {
      String part = text.substring(offset, offset + length);
      out.write(part.equals(System.lineSeparator()) ? part : SafeText.text(part));
    }

    @Override
    public void write(int c) throws IOException {
      write(String.valueOf((char) c), 0, 1);
    }

    @Override
    public void flush() throws IOException {
      out.flush();
    }

    @Override
    public void close() throws IOException {
      out.close();
    }
  }
}
