package dev.sphere.bindings.load;

import java.util.Locale;

/** Which device the user asked for; read before any library is loaded, since it decides which ones are. */
public final class DeviceChoice {
  /** The environment variable: {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}. */
  public static final String ENV = "SPHERE_DEVICE";

  /** The system property that tests set to put another library in libsphere-cuda's place. */
  public static final String LIBRARY_PROPERTY = "sphere.cuda.library";

  private static final String PROPERTY = "sphere.device";

  private DeviceChoice() {}

  /** The user's choice in lower case; "auto" when there is none. */
  public static String wanted() {
    String value = System.getProperty(PROPERTY, System.getenv(ENV));
    return value == null || value.isBlank() ? "auto" : value.strip().toLowerCase(Locale.ROOT);
  }
}
