package dev.sphere.engine.decode;

import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.llama.Model;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How far two models are apart on the same text.
 *
 * @param tokens that were compared
 * @param mean of the absolute differences of a token's log-probability, in nats
 * @param most the largest of them
 */
public record LogProbShift(int tokens, double mean, double most) {
  private static final int PIECE = 256;

  /** Between two readings of the same text. */
  public static LogProbShift between(List<float[]> one, List<float[]> other) {
    int tokens = 0;
    double sum = 0;
    double most = 0;
    for (int i = 0; i < one.size(); i++) {
      for (int t = 0; t < one.get(i).length; t++) {
        double apart = Math.abs((double) one.get(i)[t] - other.get(i)[t]);
        sum += apart;
        most = Math.max(most, apart);
        tokens++;
      }
    }
    return new LogProbShift(tokens, tokens == 0 ? 0 : sum / tokens, most);
  }

  /**
   * The log-probabilities of texts' tokens by a model. Activations are F32 where this CPU can do that, so that two
   * readings differ by the weights and not by what is rounded on the way.
   *
   * @param adapter a LoRA adapter in GGUF format; null for none
   * @param texts are read in pieces of at most 256 tokens
   * @param most tokens in all; what comes after them is left out
   * @return of each piece, of every token but its first
   * @throws InterruptedException when the calling thread was interrupted
   */
  public static List<float[]> read(Path model, Path adapter, List<String> texts, int most) throws InterruptedException {
    Activations before = Activations.current();
    (AttentionKernel.oneRow() ? Activations.F32 : before).use();
    try (Model loaded = Model.load(model); Scorer scorer = Scorer.of(loaded, adapter)) {
      int piece = Math.min(PIECE, scorer.limit());
      List<Scorer.Row> rows = new ArrayList<>();
      int room = most;
      for (String text : texts) {
        int[] tokens = loaded.vocabulary().tokenize(text, true, false);
        for (int from = 0; from + 1 < tokens.length && room > 1; from += piece) {
          int[] part = Arrays.copyOfRange(tokens, from, Math.min(tokens.length, from + Math.min(piece, room)));
          if (part.length > 1) {
            rows.add(new Scorer.Row(Arrays.copyOf(part, 1), Arrays.copyOfRange(part, 1, part.length)));
          }
          room -= part.length;
        }
      }
      return scorer.score(rows);
    } finally {
      before.use();
    }
  }
}
