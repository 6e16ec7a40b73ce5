package dev.sphere.trainer;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;

/** Copies of settings with one component changed, so that their "with" methods need not name all the others. */
public final class Records {
  private Records() {}

  /**
   * The same record but for one component; its constructor checks what comes out.
   *
   * @param component by its name
   * @throws IllegalArgumentException when there is none of that name, or what the record's constructor throws
   */
  @SuppressWarnings("unchecked") // the class of r is R's
  public static <R extends Record> R with(R r, String component, Object value) {
    RecordComponent[] all = r.getClass().getRecordComponents();
    if (Arrays.stream(all).noneMatch(c -> c.getName().equals(component))) {
      throw new IllegalArgumentException(r.getClass().getSimpleName() + " has no component " + component);
    }
    try {
      Object[] values = new Object[all.length];
      for (int i = 0; i < all.length; i++) {
        values[i] = all[i].getName().equals(component) ? value : all[i].getAccessor().invoke(r);
      }
      Class<?>[] types = Arrays.stream(all).map(RecordComponent::getType).toArray(Class<?>[]::new);
      return (R) r.getClass().getDeclaredConstructor(types).newInstance(values);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException refused) {
        throw refused;
      }
      throw new IllegalStateException(e);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("a record that cannot be copied: " + r, e);
    }
  }
}
