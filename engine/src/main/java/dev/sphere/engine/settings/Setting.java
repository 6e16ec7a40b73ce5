package dev.sphere.engine.settings;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.function.Function;

/**
 * A setting: what a user may say about a record's component, or about a parameter of its {@link FromSettings} method.
 * Everything that is known of it stands here and nowhere else.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.RECORD_COMPONENT, ElementType.PARAMETER})
public @interface Setting {
  /** What stands in {@link #def} where there is no default: the value is null then, or the model's. */
  String NONE = "\0";

  /** Whether a setting belongs to what decides a run's result. */
  enum Effect {
    /** Another value may give another result; a run goes on with the same value only. */
    RESULT,
    /** Another value changes speed, memory or what is kept, never the result. */
    SPEED
  }

  /** What it does, in a sentence or two. Empty: another record declares it, this one only asks for its value. */
  String help();

  /** The key in recipes; {@code --name} with dashes is the flag. Empty: the component's name in snake case. */
  String name() default "";

  /** The default as text; booleans are false without one. */
  String def() default NONE;

  /** What is said of the default where {@link #def} does not tell it. */
  String shown() default "";

  /** What stands for the value in help. */
  String label() default "";

  /** What a number counts. */
  String unit() default "";

  /** The interval of a number: {@code [2, )}, {@code (0, 1]}, also {@code 0 or [1, )}. */
  String range() default "";

  /** Where the default comes from. */
  String source() default "";

  /**
   * Conditions without which it has no effect, all of them: {@code strategy} (something is told of it, or it is true), {@code
   * prm=mc} (its value; a list holds it), {@code prm=implicit:*} (it begins so), several of these with {@code " or "} between,
   * {@code !strategy} (nothing is told of it, or it is false).
   */
  String[] needs() default {};

  /** Whether it belongs to what decides the result. */
  Effect effect() default Effect.RESULT;

  /** Other names that do the same, keys and flags alike. */
  String[] aliases() default {};

  /** A word that a list must hold; empty for none. */
  String must() default "";

  /** In flags {@code \n} stands for a line feed. */
  boolean escapes() default false;

  /** A list's elements are whole texts: the flag is repeated, commas do not separate. */
  boolean whole() default false;

  /** Reads the text, where its type does not say how; it throws IllegalArgumentException. */
  Class<? extends Function<String, ?>> by() default ByType.class;

  /** Stands for the conversion by the component's type. */
  final class ByType implements Function<String, String> {
    @Override
    public String apply(String text) {
      return text;
    }
  }
}
