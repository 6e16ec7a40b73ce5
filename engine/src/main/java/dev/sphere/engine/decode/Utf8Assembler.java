package dev.sphere.engine.decode;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** Puts the bytes of tokens together to text; a character may be spread over several tokens. */
final class Utf8Assembler {
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);
  private final StringBuilder text = new StringBuilder();
  private ByteBuffer in = ByteBuffer.allocate(64); // bytes that do not make a character yet
  private CharBuffer out = CharBuffer.allocate(64);

  /** Another one with the same text and the same bytes at its end. */
  Utf8Assembler copy() {
    Utf8Assembler copy = new Utf8Assembler();
    copy.text.append(text);
    copy.in = ByteBuffer.allocate(in.capacity()).put(in.duplicate().flip());
    copy.out = CharBuffer.allocate(out.capacity());
    return copy;
  }

  /** Adds a token's bytes; {@link #text()} grows by the characters that they complete. */
  void add(byte[] bytes) {
    if (in.remaining() < bytes.length) {
      in = ByteBuffer.allocate((in.position() + bytes.length) * 2).put(in.flip());
      out = CharBuffer.allocate(in.capacity());
    }
    in.put(bytes).flip();
    decoder.decode(in, out, false);
    in.compact();
    text.append(out.flip());
    out.clear();
  }

  /** All complete characters so far. */
  CharSequence text() {
    return text;
  }

  int length() {
    return text.length();
  }

  /** The whole text; bytes at the end that are no complete character become U+FFFD. */
  String finish() {
    decoder.decode(in.flip(), out, true);
    decoder.flush(out);
    text.append(out.flip());
    out.clear();
    in.clear();
    return text.toString();
  }
}
