package dev.sphere.bindings.load;

/** Run in a JVM of its own by LoaderTest: prints the state of the libraries, and calls a function. */
final class LoaderProbe {
  private LoaderProbe() {}

  public static void main(String[] args) {
    NativeRuntime.Status status = NativeRuntime.status();
    System.out.println(status.available() + " " + status.message());
    try {
      NativeRuntime.require();
      System.out.println("usable");
    } catch (NativeUnavailableException e) {
      System.out.println("refused " + e.getMessage().equals(status.message()));
    }
    System.exit(0);
  }
}
