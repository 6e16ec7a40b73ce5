package dev.sphere.engine.settings;

/** An enum that is called otherwise than by its constants' names in small letters. */
public interface Labelled {
  /** The name on command lines and in recipes. */
  String label();
}
