package dev.sphere.web.serve;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;

/** The JSON of OpenAI's answers: of completions and of chats, whole and in chunks. */
final class AnswerForm {
  private final CompletionRequest request;
  private final ServedModel model;
  private final String id;
  private final long created = System.currentTimeMillis() / 1000;

  AnswerForm(CompletionRequest request) {
    this.request = request;
    this.model = request.model();
    this.id = (request.chat() ? "chatcmpl-" : "cmpl-") + UUID.randomUUID();
  }

  private static Map<String, Object> map(Object... pairs) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put((String) pairs[i], pairs[i + 1]);
    }
    return map;
  }

  private Map<String, Object> head(String chatObject, List<?> choices) {
    return map("id", id, "object", request.chat() ? chatObject : "text_completion", "created", created,
        "model", model.name(), "choices", choices);
  }

  /** A whole answer. */
  Map<String, Object> whole(List<Completion.Choice> choices) {
    Map<String, Object> answer = head("chat.completion", choices.stream().map(this::choice).toList());
    answer.put("usage", usage(choices.stream().mapToInt(c -> c.tokens().length).sum()));
    return answer;
  }

  Map<String, Object> usage(int completion) {
    int prompt = request.prompts().stream().mapToInt(p -> p.length).sum();
    return map("prompt_tokens", prompt, "completion_tokens", completion, "total_tokens", prompt + completion);
  }

  private Map<String, Object> choice(Completion.Choice c) {
    Map<String, Object> choice = map("index", c.index());
    if (request.chat()) {
      choice.put("message", map("role", "assistant", "content", c.text()));
      choice.put("logprobs", c.scores().map(s -> map("content", chatLogProbs(c, s))).orElse(null));
    } else {
      choice.put("text", (request.echo() ? model.policy().detokenize(c.prompt()) : "") + c.text());
      choice.put("logprobs", c.scores().map(s -> logProbs(c, s)).orElse(null));
    }
    choice.put("finish_reason", c.atEnd() ? "stop" : "length");
    return choice;
  }

  private String text(int token) {
    return request.idsAsText() ? "token_id:" + token : model.tokenText(token);
  }

  /** Four arrays with an entry for each token; with echo the first is null, since nothing comes before it. */
  private Map<String, Object> logProbs(Completion.Choice c, TokenScores scores) {
    int first = request.echo() ? 0 : c.prompt().length;
    int[] all = IntStream.concat(IntStream.of(c.prompt()), IntStream.of(c.tokens())).toArray();
    List<String> texts = new ArrayList<>();
    List<Float> own = new ArrayList<>();
    List<Map<String, Float>> likeliest = new ArrayList<>();
    List<Integer> offsets = new ArrayList<>();
    int offset = 0;
    for (int i = first; i < all.length; i++) {
      texts.add(text(all[i]));
      own.add(i == 0 ? null : scores.logProb(i));
      likeliest.add(i == 0 ? null : likeliest(scores, i, all[i]));
      offsets.add(offset);
      offset += characters(all[i]);
    }
    return map("tokens", texts, "token_logprobs", own, "top_logprobs", request.ranks() == 0 ? null : likeliest,
        "text_offset", offsets);
  }

  /** By text: of two tokens with one text the likelier counts. The text's own token is always there. */
  private Map<String, Float> likeliest(TokenScores scores, int entry, int token) {
    Map<String, Float> likeliest = new LinkedHashMap<>();
    for (int rank = 0; rank < request.ranks(); rank++) {
      likeliest.putIfAbsent(text(scores.likeliest(entry, rank)), scores.likeliestLogProb(entry, rank));
    }
    likeliest.putIfAbsent(text(token), scores.logProb(entry));
    return likeliest;
  }

  /** Code points of the text that begin in a token. */
  private int characters(int token) {
    int n = 0;
    for (byte b : model.vocabulary().bytes(token)) {
      n += (b & 0xC0) != 0x80 ? 1 : 0;
    }
    return n;
  }

  private List<Object> chatLogProbs(Completion.Choice c, TokenScores scores) {
    List<Object> content = new ArrayList<>();
    for (int i = 0; i < c.tokens().length; i++) {
      int entry = c.prompt().length + i;
      Map<String, Object> token = chatToken(c.tokens()[i], scores.logProb(entry));
      List<Object> top = new ArrayList<>();
      for (int rank = 0; rank < request.ranks(); rank++) {
        top.add(chatToken(scores.likeliest(entry, rank), scores.likeliestLogProb(entry, rank)));
      }
      token.put("top_logprobs", top);
      content.add(token);
    }
    return content;
  }

  private Map<String, Object> chatToken(int token, float logProb) {
    List<Integer> bytes = new ArrayList<>();
    for (byte b : model.vocabulary().isControl(token)
        ? model.vocabulary().name(token).getBytes(StandardCharsets.UTF_8) : model.vocabulary().bytes(token)) {
      bytes.add(b & 0xFF);
    }
    return map("token", text(token), "logprob", logProb, "bytes", bytes);
  }

  // --- a stream's chunks ---

  /** The chunk that begins a chat's choice. */
  Map<String, Object> begin(int index) {
    return chunk(index, map("role", "assistant", "content", ""), "", null);
  }

  Map<String, Object> part(int index, String text) {
    return chunk(index, map("content", text), text, null);
  }

  Map<String, Object> end(Completion.Choice c) {
    return chunk(c.index(), map(), "", c.atEnd() ? "stop" : "length");
  }

  /** The chunk without choices that ends a stream with counts. */
  Map<String, Object> counts(int completion) {
    Map<String, Object> chunk = head("chat.completion.chunk", List.of());
    chunk.put("usage", usage(completion));
    return chunk;
  }

  private Map<String, Object> chunk(int index, Map<String, Object> delta, String text, String finish) {
    return head("chat.completion.chunk", List.of(request.chat()
        ? map("index", index, "delta", delta, "logprobs", null, "finish_reason", finish)
        : map("index", index, "text", text, "logprobs", null, "finish_reason", finish)));
  }
}
