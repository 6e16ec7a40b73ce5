package dev.sphere.engine.settings;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A static method that makes its class from settings, where users say other things than the components hold. Each
 * parameter is a {@link Setting} with a name, or {@link Nested}.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
public @interface FromSettings {}
