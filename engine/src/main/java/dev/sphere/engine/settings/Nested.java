package dev.sphere.engine.settings;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A component that is a record with settings of its own. They stand beside those of the record around it; where two
 * records ask for a setting of the same name, both get its value.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.RECORD_COMPONENT, ElementType.PARAMETER})
public @interface Nested {
  /** Over its settings in help and reference; empty: that of the record around it. */
  String heading() default "";

  /** The part of a recipe where its keys stand; empty: with those of the record around it. */
  String section() default "";

  /** A setting without which there is no such record: null then. */
  String when() default "";

  /** The setting that {@link #to} takes the place of. */
  String rename() default "";

  /** What is asked for in place of {@link #rename}. */
  Setting[] to() default {};
}
