package dev.sphere.bindings.llama;

import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.load.NativeCall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** A model's tokenizer. Thread-safe; usable as long as its model is. */
public final class Vocabulary {
  /** The result of {@link #start}, {@link #end} and {@link #endOfTurn} when the model has no such token. */
  public static final int NONE = -1;

  private final Model model;
  private final MemorySegment handle;
  private final int size;
  private final byte[][] pieces; // filled on demand; two threads may both fill an entry, with equal bytes
  private final boolean[] endsGeneration;
  private final TextLimits limits;
  private SpecialTokens specials; // made on demand

  Vocabulary(Model model, MemorySegment handle) {
    this.model = model;
    this.handle = handle;
    this.size = Llama.callInt(Llama.VOCAB_N_TOKENS, handle);
    this.pieces = new byte[size][];
    this.endsGeneration = new boolean[size];
    this.limits = new TextLimits(model.metadata("tokenizer.ggml.pre").orElse(""));
    for (int token = 0; token < size; token++) {
      endsGeneration[token] = flag(Llama.VOCAB_IS_EOG, token);
      int attributes = attributes(token);
      if (SpecialTokens.isSpecial(attributes)) {
        limits.add(attributes, text(token).getString(0, StandardCharsets.ISO_8859_1));
      }
    }
  }

  /** Number of tokens. */
  public int size() {
    return size;
  }

  /** The start-of-text token, or {@link #NONE}. */
  public int start() {
    return Llama.callInt(Llama.VOCAB_BOS, live());
  }

  /** The end-of-text token, or {@link #NONE}. */
  public int end() {
    return Llama.callInt(Llama.VOCAB_EOS, live());
  }

  /** The end-of-turn token, or {@link #NONE}. */
  public int endOfTurn() {
    return Llama.callInt(Llama.VOCAB_EOT, live());
  }

  /** Whether the model wants its start token before every text. */
  public boolean addsStart() {
    return Llama.callFlag(Llama.VOCAB_ADD_BOS, live());
  }

  /** Whether the model's tokenizer adds the end token after every text. */
  public boolean addsEnd() {
    return Llama.callFlag(Llama.VOCAB_ADD_EOS, live());
  }

  /** Whether a generation ends when this token is drawn. */
  public boolean isEndOfGeneration(int token) {
    return endsGeneration[token];
  }

  /** Whether the token stands for no text (start, end, role marks). */
  public boolean isControl(int token) {
    checkToken(token);
    return flag(Llama.VOCAB_IS_CONTROL, token);
  }

  /**
   * Text to tokens.
   *
   * @param text the text; UTF-8 is what the tokenizer sees
   * @param addSpecial add start and end tokens where the model's rules say so
   * @param parseSpecial read special tokens in the text ("&lt;|im_start|&gt;") as such, otherwise as plain text
   * @throws LlamaException when the text has more than 1 MiB, or holds a run that would take this tokenizer minutes
   */
  public int[] tokenize(String text, boolean addSpecial, boolean parseSpecial) {
    byte[] bytes = limits.admit(text, parseSpecial, model);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment in = arena.allocate(Math.max(1, bytes.length));
      MemorySegment.copy(bytes, 0, in, ValueLayout.JAVA_BYTE, 0, bytes.length);
      int room = bytes.length + 8;
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT, room);
      int n = tokenize(in, bytes.length, out, room, addSpecial, parseSpecial, arena);
      if (n > room) {
        room = n;
        out = arena.allocate(ValueLayout.JAVA_INT, room);
        n = tokenize(in, bytes.length, out, room, addSpecial, parseSpecial, arena);
      }
      return out.asSlice(0, n * 4L).toArray(ValueLayout.JAVA_INT);
    }
  }

  /**
   * A rendered prompt to tokens: special tokens are read as such, but none that touches a message's text, which stays
   * text whatever it holds. Where it holds none, the tokens are those of {@link #tokenize(String, boolean, boolean)}.
   *
   * <p>Special are the tokens that the vocabulary marks as control or unknown. Those that it calls user-defined are
   * words to llama.cpp, and read in any text.
   *
   * @param content where message text begins and ends, in chars: from, to, from, to, ...; ascending
   * @param addSpecial add start and end tokens where the model's rules say so
   */
  public int[] tokenize(String text, int[] content, boolean addSpecial) {
    limits.admit(text, true, model); // before anything is looked for in it
    List<SpecialTokens.Piece> pieces = specials().pieces(text, content);
    if (pieces == null) {
      return tokenize(text, addSpecial, true);
    }
    int[] added = addSpecial ? tokenize("", true, true) : new int[0];
    int starts = addsStart() ? Math.min(1, added.length) : 0;
    IntStream.Builder all = IntStream.builder();
    Arrays.stream(added, 0, starts).forEach(all);
    for (SpecialTokens.Piece p : pieces) {
      Arrays.stream(tokenize(text.substring(p.from(), p.to()), false, !p.literal())).forEach(all);
    }
    Arrays.stream(added, starts, added.length).forEach(all);
    return all.build().toArray();
  }

  private synchronized SpecialTokens specials() {
    if (specials == null) {
      SpecialTokens found = new SpecialTokens();
      for (int token = 0; token < size; token++) {
        int attributes = attributes(token);
        if (SpecialTokens.isSpecial(attributes)) {
          found.add(name(token), attributes);
        }
      }
      specials = found;
    }
    return specials;
  }

  private int tokenize(
      MemorySegment in, int bytes, MemorySegment out, int room, boolean add, boolean parse, Arena arena) {
    MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
    int status = NativeCall.of(() ->
        (int) Llama.TOKENIZE.invokeExact(live(), in, bytes, add ? 1 : 0, parse ? 1 : 0, out, room, count));
    if (status != 0) {
      throw new LlamaException("Tokenizing a text of " + bytes + " bytes with " + model + " failed: "
          + NativeCall.lastError() + ". Shorten the text.");
    }
    return count.get(ValueLayout.JAVA_INT, 0);
  }

  /**
   * The bytes that a token stands for; none for control tokens. A token may hold part of a character. Don't change it.
   */
  public byte[] bytes(int token) {
    checkToken(token);
    byte[] piece = pieces[token];
    if (piece == null) {
      piece = readPiece(token);
      pieces[token] = piece;
    }
    return piece;
  }

  private byte[] readPiece(int token) {
    try (Arena arena = Arena.ofConfined()) {
      int room = 128;
      MemorySegment buffer = arena.allocate(room);
      int n = (int) Llama.TOKEN_TO_PIECE.invokeExact(live(), token, buffer, room, 0, false);
      if (n < 0) {
        room = -n;
        buffer = arena.allocate(room);
        n = (int) Llama.TOKEN_TO_PIECE.invokeExact(live(), token, buffer, room, 0, false);
      }
      return buffer.asSlice(0, Math.max(0, n)).toArray(ValueLayout.JAVA_BYTE);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
  }

  /** The token as the vocabulary writes it, special tokens included (for messages). */
  public String name(int token) {
    checkToken(token);
    return text(token).getString(0);
  }

  private MemorySegment text(int token) {
    return NativeCall.of(() -> (MemorySegment) Llama.VOCAB_TEXT.invokeExact(live(), token));
  }

  private int attributes(int token) {
    return NativeCall.of(() -> (int) Llama.VOCAB_ATTRIBUTES.invokeExact(live(), token));
  }

  /** Tokens to text, control tokens left out; bytes that are no UTF-8 become U+FFFD. */
  public String detokenize(int... tokens) {
    int total = 0;
    for (int token : tokens) {
      total += bytes(token).length;
    }
    byte[] all = new byte[total];
    int at = 0;
    for (int token : tokens) {
      byte[] piece = bytes(token);
      System.arraycopy(piece, 0, all, at, piece.length);
      at += piece.length;
    }
    return new String(all, StandardCharsets.UTF_8);
  }

  private void checkToken(int token) {
    if (token < 0 || token >= size) {
      throw new IllegalArgumentException(
          "token " + token + " is not in the vocabulary of " + size + " tokens of " + model);
    }
  }

  private boolean flag(java.lang.invoke.MethodHandle function, int token) {
    return NativeCall.of(() -> (boolean) function.invokeExact(handle, token));
  }

  private MemorySegment live() {
    model.handle(); // throws when the model is closed
    return handle;
  }
}
