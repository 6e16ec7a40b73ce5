package dev.sphere.web.serve;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.web.HttpError;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * A request for completions of prompts, or of a chat.
 *
 * @param model that answers
 * @param chat whether the answer has the form of a chat's
 * @param prompts token ids of each prompt
 * @param choices completions of each prompt
 * @param sampling how tokens are drawn, and how many at most; {@code generates} false: none
 * @param seed of the draws
 * @param stop where a completion ends
 * @param echo whether the prompt belongs to the answer
 * @param logProbs whether log-probabilities are wanted
 * @param ranks likeliest tokens that are wanted in each place
 * @param idsAsText whether tokens are written as {@code token_id:N}
 * @param stream whether the answer comes bit by bit
 * @param streamUsage whether a stream ends with the counts of tokens
 */
record CompletionRequest(ServedModel model, boolean chat, List<int[]> prompts, int choices, boolean generates,
    SamplingSettings sampling, long seed, StopStrings stop, boolean echo, boolean logProbs, int ranks,
    boolean idsAsText, boolean stream, boolean streamUsage) {
  private static final int MOST_CHOICES = 1024;
  private static final int MOST_PROMPTS = 4096;
  private static final int MOST_RANKS = 20;
  private static final Set<String> WITHOUT_EFFECT = Set.of("user", "metadata", "store", "service_tier",
      "safety_identifier", "prompt_cache_key", "parallel_tool_calls", "reasoning_effort", "verbosity");
  private static final SecureRandom RANDOM = new SecureRandom();

  /** Reads {@code /v1/completions}. */
  static CompletionRequest completions(Fields f, ServedModel model) {
    JsonNode prompt = f.node("prompt");
    boolean special = f.flag("add_special_tokens", true);
    List<int[]> prompts = new ArrayList<>();
    if (prompt.isArray() && !prompt.isEmpty() && !prompt.get(0).isIntegralNumber()) {
      prompt.forEach(p -> prompts.add(prompt(p, special, model)));
    } else {
      prompts.add(prompt(prompt, special, model));
    }
    if (prompts.size() > MOST_PROMPTS) {
      throw Fields.bad("prompt holds " + prompts.size() + " prompts, " + MOST_PROMPTS + " are possible");
    }
    int ranks = f.whole("logprobs", -1, 0, MOST_RANKS);
    boolean echo = f.flag("echo", false);
    int tokens = f.whole("max_tokens", 16, 0, Integer.MAX_VALUE);
    f.refuse("suffix", "");
    return rest(f, model, false, prompts, tokens, echo, ranks >= 0, Math.max(0, ranks));
  }

  private static int[] prompt(JsonNode prompt, boolean special, ServedModel model) {
    int[] tokens;
    if (prompt.isString()) {
      tokens = model.vocabulary().tokenize(prompt.stringValue(), special, true);
    } else if (prompt.isArray()) {
      tokens = Fields.tokens("prompt", prompt, model.vocabulary().size());
    } else {
      throw Fields.bad("prompt must be a string, an array of strings, of token ids, or of arrays of token ids");
    }
    return tokens;
  }

  /** Reads {@code /v1/chat/completions}. */
  static CompletionRequest chat(Fields f, ServedModel model) {
    List<Message> messages = new ArrayList<>();
    for (JsonNode m : f.node("messages")) {
      messages.add(message(m));
    }
    if (messages.isEmpty()) {
      throw Fields.bad("messages must be an array of at least one message");
    }
    MarkedText rendered = model.policy().prompt(messages);
    boolean logProbs = f.flag("logprobs", false);
    int ranks = f.whole("top_logprobs", 0, 0, MOST_RANKS);
    int old = f.whole("max_tokens", Integer.MAX_VALUE, 1, Integer.MAX_VALUE);
    int tokens = f.whole("max_completion_tokens", old, 1, Integer.MAX_VALUE);
    for (String tools : List.of("tools", "functions", "modalities", "audio", "prediction", "web_search_options")) {
      f.refuse(tools, "");
    }
    f.refuse("tool_choice", "none");
    f.refuse("function_call", "none");
    JsonNode format = f.node("response_format");
    if (!format.isMissingNode() && !format.path("type").asString("").equals("text")) {
      throw Fields.bad("response_format is not supported: leave it out, or at {\"type\": \"text\"}");
    }
    return rest(f, model, true, List.of(model.policy().tokenizePrompt(rendered)), tokens, false, logProbs, ranks);
  }

  private static Message message(JsonNode m) {
    JsonNode content = m.path("content");
    StringBuilder text = new StringBuilder();
    for (JsonNode part : content.isArray() ? content : List.of(content)) {
      JsonNode of = part.isString() ? part : part.path("text");
      if (!of.isString()) {
        throw Fields.bad("a message's content must be a string, or an array of parts of type text");
      }
      text.append(of.stringValue());
    }
    String role = m.path("role").asString("");
    if (!Set.of("system", "developer", "user", "assistant").contains(role)) {
      throw Fields.bad("a message's role must be system, developer, user or assistant, not '" + role + "'");
    }
    return new Message(role.equals("developer") ? "system" : role, text.toString());
  }

  private static CompletionRequest rest(Fields f, ServedModel model, boolean chat, List<int[]> prompts, int tokens,
      boolean echo, boolean logProbs, int ranks) {
    f.refuse("presence_penalty", "0");
    f.refuse("frequency_penalty", "0");
    f.refuse("repetition_penalty", "1");
    f.refuse("logit_bias", "");
    int choices = f.whole("n", 1, 1, MOST_CHOICES);
    f.refuse("best_of", String.valueOf(choices));
    List<String> stop = f.texts("stop", 16);
    if (stop.contains("")) {
      throw Fields.bad("stop holds an empty string");
    }
    SamplingSettings sampling = new SamplingSettings(f.number("temperature", 1, 0, 100),
        Math.max(0, f.whole("top_k", 0, -1, Integer.MAX_VALUE)), f.number("top_p", 1, Float.MIN_VALUE, 1),
        f.number("min_p", 0, 0, 1), Math.max(1, tokens));
    boolean stream = f.flag("stream", false);
    JsonNode options = f.node("stream_options");
    CompletionRequest request = new CompletionRequest(model, chat, prompts, choices, tokens > 0, sampling,
        f.seed("seed", RANDOM.nextLong()), new StopStrings(stop, !f.flag("ignore_eos", false)), echo, logProbs, ranks,
        f.flag("return_tokens_as_token_ids", false), stream, options.path("include_usage").asBoolean(false));
    f.end(WITHOUT_EFFECT);
    request.check();
    return request;
  }

  private void check() {
    if (!generates && !echo) {
      throw Fields.bad("max_tokens must be at least 1 without echo");
    }
    if (stream && (echo || logProbs)) {
      throw Fields.bad("a stream has no " + (echo ? "echo" : "logprobs") + ": leave out stream");
    }
    int limit = model.policy().maxSequence();
    for (int[] prompt : prompts) {
      if (prompt.length == 0) {
        throw Fields.bad("an empty prompt: give at least one token");
      }
      if (prompt.length + (generates ? 1 : 0) > limit) {
        throw new HttpError(400, "the prompt has " + prompt.length + " tokens; " + model.name() + " takes " + limit
            + " with what is generated", Map.of("code", "context_length_exceeded", "param", "prompt"));
      }
    }
  }
}
