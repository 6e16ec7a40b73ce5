package dev.sphere.gguf.model;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** JFR event of a GGUF file whose head was read and checked. */
@Name("dev.sphere.Check")
@Label("Check a GGUF file")
@Category("Sphere")
@StackTrace(false)
final class CheckEvent extends Event {
  @Label("File")
  String path;
}
