package dev.sphere.bindings.llama;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A call of llama_decode, for flight recordings. Free of cost while nothing records. */
@Name("dev.sphere.Decode")
@Label("Decode")
@Category("Sphere")
@StackTrace(false)
final class DecodeEvent extends Event {
  @Label("Tokens computed")
  int tokens;

  @Label("Rows of logits")
  int outputs;
}
