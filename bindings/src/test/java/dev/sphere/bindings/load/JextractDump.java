package dev.sphere.bindings.load;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeMap;

/**
 * Writes the {@link JextractTable} of bindings that jextract generated; bindings/jextract/run.sh calls it with the
 * generated classes on the class path.
 *
 * <p>Arguments: the generated header class, the filter file, llama.cpp's version, the file to write.
 */
final class JextractDump {
  private JextractDump() {}

  public static void main(String[] args) throws Exception {
    Class<?> header = Class.forName(args[0]);
    JextractTable table =
        new JextractTable(args[2], new TreeMap<>(), new TreeMap<>(), new TreeMap<>(), new TreeMap<>());
    for (String line : Files.readAllLines(Path.of(args[1]))) {
      String[] word = line.split(" ");
      switch (word[0]) {
        case "--include-constant" -> constant(header, word[1], table);
        case "--include-function" -> function(header, word[1], table);
        case "--include-struct" -> struct(header, word[1], table);
        default -> {} // typedefs carry nothing of their own
      }
    }
    Files.writeString(Path.of(args[3]), table.text());
  }

  private static void constant(Class<?> header, String name, JextractTable table) throws Exception {
    Method method = find(header, name);
    if (method != null && invoke(method) instanceof Number number && !(number instanceof Double)) {
      table.constants().put(name, number.longValue());
    }
  }

  private static void function(Class<?> header, String name, JextractTable table) throws Exception {
    Method method = find(header, name + "$descriptor");
    if (method == null) {
      return; // variadic, or skipped by jextract
    }
    try {
      table.functions().put(name, JextractTable.signature((FunctionDescriptor) invoke(method)));
    } catch (ExceptionInInitializerError | NoClassDefFoundError e) {
      // Declared in the header, but not exported: nobody can call it.
    }
  }

  private static void struct(Class<?> header, String name, JextractTable table) throws Exception {
    Class<?> struct;
    try {
      struct = Class.forName(header.getPackageName() + "." + name);
    } catch (ClassNotFoundException e) {
      return; // opaque
    }
    table.add((GroupLayout) invoke(struct.getMethod("layout")));
  }

  private static Method find(Class<?> header, String name) {
    try {
      return header.getMethod(name);
    } catch (NoSuchMethodException e) {
      return null;
    }
  }

  private static Object invoke(Method method) throws Exception {
    try {
      method.setAccessible(true); // public, but of a package-private class
      return method.invoke(null);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw e;
    }
  }
}
