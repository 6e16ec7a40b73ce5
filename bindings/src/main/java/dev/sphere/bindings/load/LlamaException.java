package dev.sphere.bindings.load;

/**
 * llama.cpp or libsphere could not do what was asked. The message says what was being done, why it failed, what to do.
 */
public final class LlamaException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public LlamaException(String message) {
    super(message);
  }
}
