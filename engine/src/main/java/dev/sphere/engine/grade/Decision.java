package dev.sphere.engine.grade;

/** A rule's decision and its name. */
record Decision(boolean equal, String how) {
  static Decision same(String how) {
    return new Decision(true, how);
  }

  static Decision different(String how) {
    return new Decision(false, how);
  }
}
