package dev.sphere.base;

/** A file that a result is made from has changed while it was in use. One line: the file, how it changed, what to do. */
public final class FileChangedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  FileChangedException(String message) {
    super(message.replace('\n', ' ').replace('\r', ' '));
  }
}
