package dev.sphere.bindings.llama;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A compaction of a KV cache, for flight recordings. Free of cost while nothing records. */
@Name("dev.sphere.Compact")
@Label("Compact")
@Category("Sphere")
@StackTrace(false)
final class CompactEvent extends Event {}
