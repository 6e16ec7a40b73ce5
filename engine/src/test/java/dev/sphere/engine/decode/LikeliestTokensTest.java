package dev.sphere.engine.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.engine.decode.Scorer.Reading;
import dev.sphere.engine.decode.Scorer.Text;
import dev.sphere.gguf.GgmlType;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ranks of tokens against a sort of the whole row, and as targets of texts that share a beginning. */
class LikeliestTokensTest {
  @TempDir Path dir;

  @Test
  void ranksAreThoseOfASortWithTheLowestIdFirstAmongEquals() {
    SplittableRandom random = new SplittableRandom(3);
    for (int vocabulary : new int[] {1, 2, 7, 300}) {
      try (NativeFloats logits = NativeFloats.allocate(2L * vocabulary)) {
        float[] row = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) {
          row[i] = random.nextInt(9) - 4; // many equal logits
        }
        logits.write(vocabulary, row);
        int[] sorted = IntStream.range(0, vocabulary).boxed()
            .sorted(Comparator.comparing((Integer i) -> -row[i])).mapToInt(i -> i).toArray();
        LikeliestTokens likeliest = new LikeliestTokens(vocabulary);
        for (int most : new int[] {1, 2, 5, 20}) {
          likeliest.rank(logits, 1, most);
          for (int rank = 1; rank <= Math.min(most, vocabulary); rank++) {
            assertEquals(sorted[rank - 1], likeliest.token(rank), vocabulary + " tokens, rank " + rank);
          }
        }
      }
    }
  }

  @Test
  void aRankReadsAsTheTokenThatHasIt() throws Exception {
    Path file = TestModels.write(dir, "tiny-qwen2", GgmlType.F16);
    int[] one = new SplittableRandom(1).ints(40, 3, 250).toArray();
    int[] other = one.clone();
    other[30] = one[30] == 5 ? 6 : 5;
    int[] positions = {10, 10, 10, 28, 29, 29, 39};
    int[] targets = {one[11], Text.rank(1), Text.rank(3), Text.rank(2), Text.rank(1), Text.rank(2), Text.rank(1)};
    try (Model model = Model.load(file); Scorer scorer = Scorer.of(model, null, 1, 1, 1024)) {
      List<Reading> read = scorer.read(
          0, List.of(new Text(one, positions, targets), new Text(other, positions, targets)));
      for (int t = 0; t < 2; t++) {
        int[] tokens = read.get(t).tokens();
        assertEquals(one[11], tokens[0]);
        int[] all = t == 0 ? one : other;
        Reading plain = scorer.read(1, List.of(new Text(all, positions, tokens))).getFirst();
        assertArrayEquals(plain.logProbs(), read.get(t).logProbs());
        float[] at39 = everyToken(scorer, all, 39, model.vocabulary().size());
        for (float logProb : at39) {
          assertTrue(logProb <= read.get(t).logProbs()[6], "rank 1 is the likeliest");
        }
      }
      assertEquals(read.get(0).tokens()[4], read.get(1).tokens()[4], "shared positions are ranked once");
    }
  }

  private static float[] everyToken(Scorer scorer, int[] text, int position, int vocabulary) throws Exception {
    int[] every = IntStream.range(0, vocabulary).toArray();
    return scorer.read(3, List.of(new Text(text, IntStream.of(every).map(x -> position).toArray(), every)))
        .getFirst().logProbs();
  }
}
