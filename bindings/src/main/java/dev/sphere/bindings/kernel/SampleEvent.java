package dev.sphere.bindings.kernel;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A call of the sampling kernel, for flight recordings. Free of cost while nothing records. */
@Name("dev.sphere.Sample")
@Label("Sample")
@Category("Sphere")
@StackTrace(false)
final class SampleEvent extends Event {
  @Label("Tokens drawn")
  int draws;
}
