package dev.sphere.base;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** JFR event of a model file that was really opened, copied into memory where that is done; not of one that was open. */
@Name("dev.sphere.Open")
@Label("Open a model file")
@Category("Sphere")
@StackTrace(false)
final class OpenEvent extends Event {
  @Label("File")
  String path;
}
