package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * Keeps aside what is taken out of a file: in the folder {@code damaged} beside it, under the file's name and a number.
 * What looks damaged may still be of use to its owner, so nothing is thrown away.
 */
public final class Damaged {
  /** The folder's name. */
  public static final String FOLDER = "damaged";

  /** Bytes of a file, {@code from} (inclusive) to {@code to} (exclusive). */
  record Part(long from, long to) {}

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

  /** Copies a whole file aside; returns where the copy is. */
  public static Path copy(Path file) {
    try {
      return copy(file, List.of(new Part(0, Files.size(file))));
    } catch (IOException e) {
      throw failed(file, e);
    }
  }

  /** Copies parts of a file aside, one after the other, and brings them to the disk; returns where they are. */
  static Path copy(Path file, List<Part> parts) {
    try {
      Path place = place(file);
      try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ);
          FileChannel out = FileChannel.open(place, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        for (Part part : parts) {
          long at = part.from();
          while (at < part.to()) {
            long copied = in.transferTo(at, part.to() - at, out);
            if (copied <= 0) {
              throw new IOException("it became shorter while it was read");
            }
            at += copied;
          }
        }
        out.force(true);
      }
      AtomicFile.forceFolder(place.toAbsolutePath().getParent());
      return place;
    } catch (IOException e) {
      throw failed(file, e);
    }
  }

  /** The first free name for a file, in a folder that is there. */
  private static Path place(Path file) throws IOException {
    Path folder = file.toAbsolutePath().resolveSibling(FOLDER);
    AtomicFile.createFolders(folder);
    for (int n = 1;; n++) {
      Path place = folder.resolve(file.getFileName() + "." + n);
      if (!Files.exists(place)) {
        return place;
      }
    }
  }

  private static StoreException failed(Path file, IOException e) {
    return new StoreException("cannot keep the damaged parts of " + file + " in the folder " + FOLDER + " beside it: "
        + e.getMessage() + "; nothing was cut from it: make room or give write access, then resume again", e);
  }
}
