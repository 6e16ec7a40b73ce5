package dev.sphere.engine;

import java.util.List;

/**
 * A language model as search sees it. Calls block; they are made from many (virtual) threads at once, one a problem in
 * flight, and the implementation steps all of them together in one batch. Results depend only on the arguments, never
 * on what shares the batch or on timing.
 */
public interface Policy extends Tokenizer {
  /** One continuation to generate. */
  record Request(DrawKey key, SamplingSettings sampling, StopRule stop) {}

  /**
   * Generates one continuation of {@code path} for each request; all of them share the path's KV cache.
   *
   * @return the generations, in the order of the requests
   * @throws InterruptedException when the calling thread was interrupted; nothing is left behind
   */
  List<Generation> generate(TokenPath path, List<Request> requests) throws InterruptedException;

  /** Tokens drawn so far, those of calls under way included; 0 where nobody counts them. */
  default long drawn() {
    return 0;
  }

  /** The tokens as text, without control tokens. */
  String detokenize(int[] tokens);

  /** Renders a dialogue with the model's chat template, up to where the assistant's answer begins. */
  String render(List<Message> messages);

  /** As {@link #render}, with what comes from the messages marked: what {@link #tokenizePrompt(MarkedText)} takes. */
  default MarkedText prompt(List<Message> messages) {
    return MarkedText.of(render(messages));
  }

  /** A turn of a dialogue: role is system, user or assistant. */
  record Message(String role, String content) {}
}
