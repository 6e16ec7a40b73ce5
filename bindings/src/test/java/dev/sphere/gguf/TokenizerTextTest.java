package dev.sphere.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.gguf.make.ByteVocabulary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every pre-tokenizer that llama.cpp v0.5.0 knows with long runs of every kind: the text is tokenized and comes back,
 * or is refused by name; no process ends.
 */
class TokenizerTextTest {
  /** Percent of the pairs to try, each of a thousand characters a percent: 100 (half an hour) for a thorough search. */
  private static final int SHARE = Integer.getInteger("sphere.hostile.percent", 12);
  static final List<String> PRE = List.of((
      "a.x-4.0 afmoe bailingmoe bailingmoe2 bloom chameleon chatglm-bpe codeshell cohere2moe command-r dbrx "
      + "deepseek-coder deepseek-llm deepseek-r1-qwen deepseek-v3 default exaone exaone-moe exaone4 f2llmv2 "
      + "falcon falcon-h1 falcon3 gemma4 gigachat glm4 gpt-2 gpt-4o gpt3-finnish granite-docling "
      + "granite-embed-multi-311m granite-embed-multi-97m grok-2 hunyuan hunyuan-dense hy_v4 jais jais-2 "
      + "jina-de jina-es jina-v1-en jina-v2-code jina-v2-de jina-v2-es jina-v5-nano joyai-llm kanana2 kimi-k2 "
      + "kormo laguna lfm2 llada-moe llama-bpe llama-v3 llama3 llama4 megrez mellum mellum2 midm-2.0 "
      + "minerva-7b minicpm5 minimax-m2 modern-bert mpt olmo phi-2 pixtral poro-chat qwen2 qwen35 refact "
      + "roberta-bpe sarvam-moe seed-coder smaug-bpe smollm solar-open spark2_5 stablelm2 starcoder superbpe "
      + "talkie tekken tiny_aya trillion ufakzeka viking whitespace youtu").split(" "));
  /** They write spaces as U+2581 and leave out what they have no token for; the vocabulary of bytes has none. */
  private static final Set<String> SENTENCE_PIECE_LIKE = Set.of("gemma4", "granite-embed-multi-311m", "sarvam-moe");

  @TempDir Path dir;

  @Test
  void noTextEndsTheProcess() throws Exception {
    Random random = new Random(1);
    List<String> jobs = new ArrayList<>();
    for (String pre : PRE) {
      Path file = vocabulary("pre-" + pre + ".gguf", ByteVocabulary.metadata(), pre);
      for (String text : TokenizerSurvival.texts()) {
        if (text.equals("letters") || random.nextInt(100) < SHARE) {
          jobs.add(file + "\t" + text + "\t" + 1000 * SHARE);
        }
      }
    }
    Path spm = vocabulary("spm.gguf", Specimens.sentencePiece(), null);
    TokenizerSurvival.texts().forEach(text -> jobs.add(spm + "\t" + text + "\t" + 1000 * SHARE));
    List<String> outcomes = TokenizerSurvival.run(jobs, dir);
    List<String> died = new ArrayList<>();
    Map<String, Integer> counts = new TreeMap<>();
    for (int i = 0; i < jobs.size(); i++) {
      String outcome = outcomes.get(i);
      String job = jobs.get(i).substring(dir.toString().length() + 1);
      counts.merge(outcome.split(" ")[0], 1, Integer::sum);
      if (outcome.startsWith(TokenizerSurvival.DIED)) {
        died.add(job + ": " + outcome);
      } else if (outcome.startsWith("refused") && !job.startsWith("pre-whitespace")) {
        assertTrue(outcome.contains("special tokens") || outcome.contains("white space") && job.contains("deepseek-llm")
            || outcome.contains("numbers") && job.contains("superbpe"), job + ": " + outcome);
      } else if (outcome.startsWith("other")) {
        assertTrue(job.contains("special") || job.startsWith("spm")
            || SENTENCE_PIECE_LIKE.stream().anyMatch(job::contains), job + ": " + outcome);
      }
    }
    System.out.println("tokenizers with texts: " + jobs.size() + " " + counts);
    assertEquals(List.of(), died);
    assertTrue(counts.get("same") > jobs.size() / 2, counts.toString());
  }

  private Path vocabulary(String name, Map<String, GgufValue> keys, String pre) {
    GgufWriter writer = new GgufWriter().put("general.architecture", GgufValue.string("llama"));
    keys.forEach(writer::put);
    if (pre != null) {
      writer.put("tokenizer.ggml.pre", GgufValue.string(pre));
    }
    writer.writeFast(dir.resolve(name));
    return dir.resolve(name);
  }
}
