package dev.sphere.engine.reward;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.SolutionMarker;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.run.RewardSettings;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.PrmHead;
import dev.sphere.gguf.model.PrmInfo;
import dev.sphere.gguf.model.PrmInfo.Form;
import dev.sphere.gguf.model.PrmInfo.Layout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Random weights, real formulas: what is scored is what the plain way through the scorer gives. */
class ModelPrmTest {
  @TempDir static Path dir;
  private static Path plain;
  private static final Problem PROBLEM = new Problem("p", "What is 2+3?", "5");
  private static final DrawKey KEY = new DrawKey(1, 2, 3, 0);

  @BeforeAll
  static void models() {
    plain = dir.resolve("plain.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 5, plain);
  }

  static Path declare(String name, boolean head, Object... keys) {
    Path out = dir.resolve(name + ".gguf");
    try (GgufFile file = GgufFile.open(plain)) {
      GgufWriter writer = new GgufWriter().putAll(file.metadata());
      for (int i = 0; i < keys.length; i += 2) {
        writer.put((String) keys[i],
            keys[i + 1] instanceof String s ? GgufValue.string(s) : GgufValue.u32((Integer) keys[i + 1]));
      }
      file.tensors().values().forEach(t -> writer.copy(file, t));
      if (head) {
        long w = file.shape().width();
        SplittableRandom random = new SplittableRandom(4);
        long[][] shapes = {{w, w}, {w}, {w, 2}, {2}};
        for (int t = 0; t < 4; t++) {
          float[] values = new float[(int) Arrays.stream(shapes[t]).reduce(1, (a, b) -> a * b)];
          for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian() * 0.3f;
          }
          writer.tensor(PrmInfo.HEAD_TENSORS.get(t), GgmlType.F32, Arrays.stream(shapes[t]).boxed().toList(), values);
        }
      }
      writer.write(out);
    }
    return out;
  }

  private static Generation step(Policy policy, String text) {
    int[] tokens = policy.tokenize(text, false);
    return new Generation(tokens, new float[tokens.length], text, Generation.Finish.STOP);
  }

  @Test
  void theTokenFormIsASoftmaxOfTwoLogits() throws Exception {
    Path file = declare("token", false, "sphere.prm.form", "token", "sphere.prm.good_token", 43,
        "sphere.prm.bad_token", 45, "sphere.prm.separator_token", 10);
    RewardSettings spec = new RewardSettings(file.toString(), MonteCarloPrm.Settings.defaults());
    try (BatchedPolicy policy = BatchedPolicy.open(plain);
        Model model = Model.load(file);
        Scorer scorer = Scorer.of(model, null, 1, 1, 1024);
        PrmFactory prm = spec.open((p, s) -> true)) {
      TokenPath root = TokenPath.root(policy.tokenize("another prompt altogether", true));
      TokenPath first = root.extend(policy.tokenize("First, 2.\n", false));
      List<Generation> steps = List.of(step(policy, "Then 5.\n"), step(policy, "Then 6."), step(policy, "Größe ∑\n"));
      double[] scores = prm.over(policy).score(PROBLEM, first, KEY, steps);
      for (int i = 0; i < steps.size(); i++) {
        String prompt = ChatTemplate.of(model).render(Prompts.defaults().ask(PROBLEM), true);
        List<Integer> text = new ArrayList<>();
        for (int t : policy.tokenizePrompt(prompt)) {
          text.add(t);
        }
        for (String s : List.of("First, 2.\n", steps.get(i).text())) {
          for (int t : policy.tokenize(s, false)) {
            text.add(t);
          }
          text.add(10);
        }
        int[] tokens = text.stream().mapToInt(Integer::intValue).toArray();
        double good = scorer.score(List.of(new Scorer.Row(tokens, new int[] {43}))).getFirst()[0];
        double bad = scorer.score(List.of(new Scorer.Row(tokens, new int[] {45}))).getFirst()[0];
        assertEquals(Math.exp(good) / (Math.exp(good) + Math.exp(bad)), scores[i], 1e-6, "step " + i);
      }
      // After a dialogue about a mistake: the critique is no step, the solution's steps are those of the bare problem.
      TokenPath critique = TokenPath.root(SolutionMarker.of("Corrected solution:"), policy.tokenize("wrong!", true));
      assertArrayEquals(new double[] {0.5, 0.5}, prm.over(policy).score(PROBLEM, critique, KEY,
          List.of(step(policy, "You wrote 5.\n"), step(policy, "Corrected solution:\n"))));
      TokenPath corrected = critique.extend(policy.tokenize("You wrote \\boxed{5}.\n", false))
          .extend(policy.tokenize("**Corrected solution:**\nFirst, 2.\n", false));
      assertArrayEquals(scores, prm.over(policy).score(PROBLEM, corrected, KEY, steps));
      long before = prm.tokens();
      assertArrayEquals(scores, prm.over(policy).score(PROBLEM, first, KEY, steps));
      assertEquals(before, prm.tokens(), "known scores cost nothing");
      TokenPath second = first.extend(steps.getFirst().tokens());
      prm.over(policy).score(PROBLEM, second, KEY, List.of(step(policy, "12345")));
      assertEquals(before + 6, prm.tokens(), "a new step costs its own tokens and its separator");
    }
  }

  @Test
  void theHeadReadsTheHiddenStateAtTheSeparator() throws Exception {
    Path file = declare("head", true, "sphere.prm.form", "head", "sphere.prm.layout", "qwen",
        "sphere.prm.separator_token", 11);
    try (BatchedPolicy policy = BatchedPolicy.open(plain, null, null, 0);
        GgufFile gguf = GgufFile.open(file);
        Scorer states = Scorer.open(plain, true);
        PrmFactory prm = new RewardSettings("head:" + file, MonteCarloPrm.Settings.defaults()).open((p, s) -> true)) {
      TokenPath root = TokenPath.root(policy.tokenize("x", true));
      TokenPath first = root.extend(policy.tokenize("One.\n\n", false));
      double score = prm.over(policy).score(PROBLEM, first, KEY, List.of(step(policy, "Two.\n\n")))[0];
      String prompt = ChatTemplate.of(states.model()).render(List.of(
          new Policy.Message("system", "Please reason step by step, and put your final answer within \\boxed{}."),
          new Policy.Message("user", PROBLEM.question())), true);
      int[] text = concat(policy.tokenizePrompt(prompt), policy.tokenize("One.", false), new int[] {11},
          policy.tokenize("Two.", false), new int[] {11});
      float[] hidden = states.read(0, List.of(Scorer.Text.atEnd(text))).getFirst().hidden();
      assertEquals(PrmHead.of(gguf).score(hidden), score, 1e-9);
      assertNotEquals(0.5, score, 1e-3);
    }
  }

  /** Before, a copy in the cache was taken as it was found. */
  @Test
  void aCopyWithoutTheHeadIsTheOneThatWasMade() throws Exception {
    Path cache = dir.resolve("sphere");
    Path file = declare("copied", true, "sphere.prm.form", "head", "sphere.prm.layout", "qwen");
    try (GgufFile gguf = GgufFile.open(file)) {
      Path copy;
      String hash;
      try (GgufFile made = HeadlessCopy.of(gguf, cache)) {
        copy = made.path();
        hash = made.sha256();
      }
      byte[] content = Files.readAllBytes(copy);
      Object inode = Files.getAttribute(copy, "unix:ino");
      HeadlessCopy.of(gguf, cache).close();
      assertEquals(inode, Files.getAttribute(copy, "unix:ino"), "made once");
      content[content.length - 5] ^= 1;
      Files.write(copy, content);
      try (GgufFile again = HeadlessCopy.of(gguf, cache)) {
        assertEquals(hash, again.sha256());
      }
      Files.write(copy, Arrays.copyOf(content, content.length / 2));
      HeadlessCopy.of(gguf, cache).close();
      try (var left = Files.list(copy.getParent())) {
        assertEquals(1, left.count());
      }
    }
  }

  private static int[] concat(int[]... parts) {
    return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
  }

  @Test
  void theImplicitRewardIsTheLogRatio() throws Exception {
    Path other = dir.resolve("other.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 6, other);
    try (BatchedPolicy policy = BatchedPolicy.open(plain, null, null, 0);
        Model reference = Model.load(other);
        Scorer scorer = Scorer.of(reference, null, 1, 1, 1024);
        PrmFactory one = new RewardSettings("implicit:" + other, MonteCarloPrm.Settings.defaults(), 0.5).open((p, s) -> true);
        PrmFactory two = new RewardSettings("implicit:" + plain + "," + other, MonteCarloPrm.Settings.defaults(), 0.5)
            .open((p, s) -> true);
        PrmFactory same = new RewardSettings("implicit:" + plain + "," + plain, MonteCarloPrm.Settings.defaults(), 0.5)
            .open((p, s) -> true)) {
      int[] prompt = policy.tokenize("What is 2+3?", true);
      TokenPath root = TokenPath.root(prompt);
      List<Policy.Request> requests = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        requests.add(new Policy.Request(new DrawKey(1, 1, 1, i), SamplingSettings.temperature(1, 12),
            dev.sphere.engine.StopRule.never()));
      }
      List<Generation> steps = policy.generate(root, requests);
      double[] scores = one.over(policy).score(PROBLEM, root, KEY, steps);
      for (int i = 0; i < steps.size(); i++) {
        double base = 0;
        for (float l : scorer.score(List.of(new Scorer.Row(prompt, steps.get(i).tokens()))).getFirst()) {
          base += l;
        }
        assertEquals(1 / (1 + Math.exp(-0.5 * (steps.get(i).logProb() - base))), scores[i], 1e-9);
      }
      assertArrayEquals(scores, two.over(policy).score(PROBLEM, root, KEY, steps), 1e-6);
      assertArrayEquals(new double[] {0.5, 0.5, 0.5},
          same.over(policy).score(PROBLEM, root, KEY, steps), 1e-12);
    }
  }

  /** Math-Shepherd's and RLHFlow's published forms, spelled out. */
  @Test
  void publishedLayouts() {
    try (Model model = Model.load(plain)) {
      ChatTemplate template = new ChatTemplate(
          "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}|{% endfor %}"
              + "{% if add_generation_prompt %}<assistant>{% endif %}", "", "");
      List<String> steps = List.of("Add them.\n\n", "Step 2: It is 5.");
      PrmInput shepherd = new PrmInput(model.vocabulary(), template, Prompts.defaults(),
          new PrmInfo(Form.TOKEN, Layout.PLAIN, 43, 45, '@'));
      assertEquals("What is 2+3? Step 1: Add them.@\nStep 2: It is 5.@",
          model.vocabulary().detokenize(shepherd.tokens(PROBLEM, steps)).strip());
      PrmInput flow = new PrmInput(model.vocabulary(), template, Prompts.defaults(),
          new PrmInfo(Form.TOKEN, Layout.TURNS, '+', '-', PrmInfo.NONE));
      assertEquals("<user>What is 2+3? Add them.|<assistant>+|<user>Step 2: It is 5.|<assistant>",
          model.vocabulary().detokenize(flow.tokens(PROBLEM, steps)).strip());
    }
  }

  @Test
  void whatDoesNotFitIsRefused() {
    Path token = declare("t", false, "sphere.prm.form", "token", "sphere.prm.good_token", 43, "sphere.prm.bad_token",
        45);
    refused("head:" + token, "form token");
    refused(plain.toString(), "declares no process reward");
    refused("math-shepherd:" + plain, "no token");
    refused(dir.resolve("none.gguf").toString(), "no file");
    refused("magic", "unknown process reward");
    refused("implicit:" + plain + "," + plain + "," + plain, "unknown process reward");
  }

  private static void refused(String kind, String because) {
    String message = assertThrows(IllegalArgumentException.class,
        () -> new RewardSettings(kind, MonteCarloPrm.Settings.defaults()).open((p, s) -> true).close()).getMessage();
    assertTrue(message.contains(because), message);
  }

  @Test
  void aPolicyWithAnotherVocabularyCannotBeComparedTokenByToken() throws Exception {
    Path embedded = dev.sphere.engine.embedded.ModelSource.resolve("embedded-small");
    RewardSettings implicit = new RewardSettings("implicit:" + plain, MonteCarloPrm.Settings.defaults());
    implicit.requireReads(plain);
    String message =
        assertThrows(IllegalArgumentException.class, () -> implicit.requireReads(embedded)).getMessage();
    assertTrue(message.contains("another vocabulary"), message);
    // A model that reads text does not mind.
    Path token = declare("t2", false, "sphere.prm.form", "token", "sphere.prm.good_token", 43, "sphere.prm.bad_token",
        45);
    try (BatchedPolicy policy = BatchedPolicy.open(embedded);
        PrmFactory prm = new RewardSettings(token.toString(), MonteCarloPrm.Settings.defaults()).open((p, s) -> true)) {
      ProcessRewardModel reward = prm.over(policy);
      TokenPath root = TokenPath.root(policy.tokenize("Tom", true));
      double score = reward.score(PROBLEM, root, KEY, List.of(step(policy, "Then there are 3.\n")))[0];
      assertTrue(score > 0 && score < 1);
    }
  }
}
