package dev.sphere.cli.command;

import picocli.CommandLine.IVersionProvider;

/** What {@code --version} prints; the version itself comes from the jar's manifest. */
public final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() {
    return new String[] {"sphere " + text() + " (Java " + Runtime.version().feature() + ", llama.cpp 0.5.0)"};
  }

  static String text() {
    String version = Version.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
