/**
 * One tree of settings: a setting's name, default, unit, range and help stand once, at the record component or factory
 * parameter that takes it. Recipes' keys, flags, {@code --help}, refusals and the reference page come from there.
 */
package dev.sphere.engine.settings;
