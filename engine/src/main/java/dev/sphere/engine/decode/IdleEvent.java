package dev.sphere.engine.decode;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A rollout loop that waits for work, for flight recordings. Free of cost while nothing records. */
@Name("dev.sphere.Idle")
@Label("Idle")
@Category("Sphere")
@StackTrace(false)
final class IdleEvent extends Event {}
