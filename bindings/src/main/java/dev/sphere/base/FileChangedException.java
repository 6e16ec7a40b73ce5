package dev.sphere.base;

/** A model file changed while it was in use. The message is one line: the file, how it changed, what to do. */
public final class FileChangedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  FileChangedException(String message) {
    super(message.replace('\n', ' ').replace('\r', ' '));
  }
}
