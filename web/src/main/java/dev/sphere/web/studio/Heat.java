package dev.sphere.web.studio;

import dev.sphere.base.Sha256;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.engine.store.Provenance;
import dev.sphere.gguf.model.GgufFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Log-probabilities of pairs, token by token, under the policy that searched (the reference of a training on its pairs)
 * and under the trained model. They are computed when somebody looks, by the engine's scorer, with the files that the
 * run names; one request at a time. Nothing is kept on the disk.
 */
final class Heat {
  /** Answers that are kept. */
  private static final int KEPT = 64;

  private final ReentrantLock busy = new ReentrantLock();
  private final Map<String, Map<String, Object>> known = new LinkedHashMap<>();
  private final Map<String, String> hashes = new LinkedHashMap<>();

  /**
   * The models of a search run.
   *
   * @param model the file that the run names; null where something is missing
   * @param adapter its adapter's file; null for none
   * @param missing a message that names the missing file; empty when all is there
   */
  record Policy(Path model, Path adapter, String missing) {
    long bytes() {
      return model == null ? 0 : model.toFile().length();
    }
  }

  /** The policy that searched. Its file's hash is compared when it is used, not here. */
  static Policy policy(Provenance provenance) {
    Path model = file(provenance, "model");
    Path adapter = file(provenance, "adapter");
    String missing = model == null ? "the run does not name its model's file" : !Files.isRegularFile(model)
        ? "the model's file " + model + " is not there" : adapter != null && !Files.isRegularFile(adapter)
        ? "the adapter's file " + adapter + " is not there" : "";
    return missing.isEmpty() ? new Policy(model, adapter, "") : new Policy(null, null, missing);
  }

  private static Path file(Provenance provenance, String name) {
    String path = provenance.information().getOrDefault(name + ".path", "none");
    return path.isEmpty() || path.equals("none") || path.equals("null") ? null : Path.of(path);
  }

  private static Policy required(Provenance provenance) {
    Policy policy = policy(provenance);
    if (!policy.missing.isEmpty()) {
      throw new IllegalArgumentException("log-probabilities cannot be computed: " + policy.missing);
    }
    return policy;
  }

  /**
   * Both sides of a pair: for each token its text, its log-probability before training, and after it.
   *
   * @param trained the adapter or model that a training left
   * @throws IllegalArgumentException when a file is not what the run was made with, or the pair is too long for the
   *     model
   */
  Map<String, Object> of(Provenance provenance, PreferencePair pair, Optional<Path> trained)
      throws IOException, InterruptedException {
    Policy policy = required(provenance);
    String key = pair.prompt() + '\0' + pair.chosen() + '\0' + pair.rejected() + '\0'
        + trained.map(t -> t + " " + t.toFile().lastModified()).orElse("");
    busy.lockInterruptibly();
    try {
      Map<String, Object> answer = known.get(key);
      if (answer == null) {
        try (Model model = load(policy, provenance)) {
          answer = sides(model.vocabulary(), score(model, policy, List.of(pair), trained));
        }
        if (known.size() >= KEPT) {
          known.remove(known.keySet().iterator().next());
        }
        known.put(key, answer);
      }
      return answer;
    } finally {
      busy.unlock();
    }
  }

  /**
   * The log-ratios of pairs.
   *
   * @param trained the adapter or model that a training left
   * @return for each pair log π - log π_ref of its chosen and of its rejected completion, in nats
   */
  double[][] changes(Provenance provenance, List<PreferencePair> pairs, Path trained)
      throws IOException, InterruptedException {
    Policy policy = required(provenance);
    busy.lockInterruptibly();
    try (Model model = load(policy, provenance)) {
      Scores scores = score(model, policy, pairs, Optional.of(trained));
      double[][] changes = new double[pairs.size()][2];
      for (int i = 0; i < scores.rows.size(); i++) {
        for (int t = 0; t < scores.before.get(i).length; t++) {
          changes[i / 2][i % 2] += (double) scores.after.get(i)[t] - scores.before.get(i)[t];
        }
      }
      return changes;
    } finally {
      busy.unlock();
    }
  }

  /** Chosen and rejected of each pair in turn; {@code after} is empty without a training. */
  private record Scores(List<Scorer.Row> rows, List<float[]> before, List<float[]> after) {}

  private void requireSame(Path file, String hash) throws IOException {
    if (hash != null && hash.length() == 64) {
      String state = file + "\0" + file.toFile().length() + "\0" + file.toFile().lastModified();
      if (!hashes.containsKey(state)) {
        hashes.put(state, Sha256.of(file));
      }
      if (!hashes.get(state).equals(hash)) {
        throw new IllegalArgumentException(
            "the file " + file + " is not the model that the run was made with (its SHA-256 differs)");
      }
    }
  }

  private Model load(Policy policy, Provenance provenance) throws IOException {
    requireSame(policy.model, provenance.identity().get("model.sha256"));
    return Model.load(policy.model);
  }

  private static Scores score(Model model, Policy policy, List<PreferencePair> pairs, Optional<Path> trained)
      throws InterruptedException {
    List<Scorer.Row> rows = new ArrayList<>();
    List<float[]> before;
    try (Scorer scorer = Scorer.of(model, policy.adapter)) {
      for (PreferencePair pair : pairs) {
        rows.addAll(rows(scorer, pair));
      }
      before = scorer.score(rows);
    }
    if (trained.isEmpty()) {
      return new Scores(rows, before, List.of());
    }
    Path file = trained.get();
    boolean adapter;
    try (GgufFile trainedFile = GgufFile.open(file)) {
      adapter = trainedFile.kind() == GgufFile.Kind.ADAPTER;
    }
    if (adapter) {
      try (Scorer scorer = Scorer.of(model, file)) {
        return new Scores(rows, before, scorer.score(rows));
      }
    }
    try (Model whole = Model.load(file); Scorer scorer = Scorer.of(whole, null)) {
      return new Scores(rows, before, scorer.score(rows));
    }
  }

  private static Map<String, Object> sides(Vocabulary vocabulary, Scores scores) {
    return Map.of("chosen", side(vocabulary, scores, 0), "rejected", side(vocabulary, scores, 1));
  }

  /** The tokens as they were sampled; where only the text is known, as the model reads it. */
  private static List<Scorer.Row> rows(Scorer scorer, PreferencePair pair) {
    List<Scorer.Row> rows = new ArrayList<>();
    for (boolean chosen : new boolean[] {true, false}) {
      Scorer.Row row = scorer.renderedRow(pair.markedPrompt(), chosen ? pair.chosen() : pair.rejected());
      int[] sampled = chosen ? pair.chosenTokens() : pair.rejectedTokens();
      rows.add(new Scorer.Row(pair.promptTokens().length > 0 ? pair.promptTokens() : row.prompt(),
          sampled.length > 0 ? sampled : row.completion()));
    }
    return rows;
  }

  private static List<Map<String, Object>> side(Vocabulary vocabulary, Scores scores, int row) {
    int[] completion = scores.rows.get(row).completion();
    List<String> texts = texts(vocabulary, completion);
    List<Map<String, Object>> tokens = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      Map<String, Object> token = new LinkedHashMap<>();
      token.put("text", texts.get(i));
      token.put("special", vocabulary.isControl(completion[i]));
      token.put("before", scores.before.get(row)[i]);
      if (!scores.after.isEmpty()) {
        token.put("after", scores.after.get(row)[i]);
      }
      tokens.add(token);
    }
    return tokens;
  }

  /** The text of each token; a character that is spread over several stands at the last of them. */
  private static List<String> texts(Vocabulary vocabulary, int[] tokens) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPLACE);
    ByteBuffer pending = ByteBuffer.allocate(0);
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < tokens.length; i++) {
      if (vocabulary.isControl(tokens[i])) {
        texts.add(vocabulary.name(tokens[i]));
        continue;
      }
      byte[] bytes = vocabulary.bytes(tokens[i]);
      ByteBuffer in = ByteBuffer.allocate(pending.remaining() + bytes.length).put(pending).put(bytes).flip();
      CharBuffer out = CharBuffer.allocate(in.remaining() + 1);
      decoder.decode(in, out, i == tokens.length - 1);
      texts.add(out.flip().toString());
      pending = in;
    }
    return texts;
  }
}
