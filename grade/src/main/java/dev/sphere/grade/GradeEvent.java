package dev.sphere.grade;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A grading, for flight recordings. Free of cost while nothing records. */
@Name("dev.sphere.Grade")
@Label("Grade")
@Category("Sphere")
@StackTrace(false)
final class GradeEvent extends Event {}
