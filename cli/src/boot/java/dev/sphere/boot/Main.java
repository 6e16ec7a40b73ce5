package dev.sphere.boot;

import java.lang.reflect.InvocationTargetException;

/**
 * The jar's entry point. Compiled for Java 8, so that an older Java says what it needs instead of
 * UnsupportedClassVersionError; it does nothing else.
 */
public final class Main {
  private static final int NEEDED = 25;

  private Main() {}

  public static void main(String[] args) throws Throwable {
    String version = System.getProperty("java.specification.version");
    if (feature(version) < NEEDED) {
      System.err.println(
          "Sphere needs Java " + NEEDED + " or newer; this is Java " + version + " (" + System.getProperty("java.home")
              + "). Start it with ./sphere, which finds a newer one, or install one: apt-get install openjdk-25-jdk");
      System.exit(2);
    }
    try {
      Class.forName("dev.sphere.cli.Main").getMethod("main", String[].class).invoke(null, (Object) args);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private static int feature(String version) {
    try {
      return Integer.parseInt(version.startsWith("1.") ? version.substring(2) : version);
    } catch (NumberFormatException e) {
      return NEEDED; // unknown scheme: let it try
    }
  }
}
