package dev.sphere.engine.store;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A record's way to the disk, for flight recordings. Free of cost while nothing records. */
@Name("dev.sphere.Store")
@Label("Store")
@Category("Sphere")
@StackTrace(false)
final class StoreEvent extends Event {
  @Label("Bytes")
  int bytes;
}
