package dev.sphere.base;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A file that was opened, for flight recordings; opening a file that is open already makes no event. */
@Name("dev.sphere.Open")
@Label("Open a model file")
@Category("Sphere")
@StackTrace(false)
final class OpenEvent extends Event {
  @Label("File")
  String path;
}
