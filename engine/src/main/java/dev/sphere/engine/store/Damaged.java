package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.PlainFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Keeps aside what is taken out of a file: in the folder {@code damaged} beside it, under the file's name and a number.
 * What looks damaged may still be of use to its owner, so nothing is thrown away.
 */
public final class Damaged {
  /** The folder's name. */
  public static final String FOLDER = "damaged";

  private Damaged() {}

  /** Moves a whole file aside; returns where it is now. */
  public static Path move(Path file) {
    try {
      Path place = place(file);
      Files.move(file, place, StandardCopyOption.ATOMIC_MOVE);
      AtomicFile.forceFolder(file.toAbsolutePath().getParent());
      return place;
    } catch (IOException e) {
      throw failed(file, e);
    }
  }

  /** Copies a file aside, and brings the copy to the disk. */
  static void copy(Path file) {
    try {
      AtomicFile.write(place(file), out -> {
        try (InputStream in = PlainFile.read(file)) {
          in.transferTo(out);
        }
      });
    } catch (IOException | UncheckedIOException e) {
      throw failed(file, e);
    }
  }

  /** The first free name for a file, in a folder that is there. */
  private static Path place(Path file) throws IOException {
    Path folder = file.toAbsolutePath().resolveSibling(FOLDER);
    PlainFile.requireFolders(folder.getParent(), folder);
    AtomicFile.createFolders(folder);
    for (int n = 1;; n++) {
      Path place = folder.resolve(file.getFileName() + "." + n);
      if (!Files.exists(place)) {
        return place;
      }
    }
  }

  private static StoreException failed(Path file, Exception e) {
    return new StoreException("cannot keep the damaged " + file + " in the folder " + FOLDER + " beside it: "
        + e.getMessage() + "; nothing was changed: make room or give write access, then resume again", e);
  }
}
