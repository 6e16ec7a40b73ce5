package dev.sphere.cli.command.web;

import static dev.sphere.cli.command.Call.call;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.command.Call;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Mistakes in the call; what is served is looked at in {@code StudioServerTest} and {@code StudioTest}. */
class StudioCommandTest {
  @TempDir Path dir;

  @Test
  void mistakesHaveStatusTwoAndSayWhat() throws Exception {
    refused("is not there", dir.resolve("nowhere"));
    refused("is no folder", Files.writeString(dir.resolve("file"), ""));
    refused("--port must be from 0 to 65535: 70000", dir, "--port", 70000);
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      refused("port " + taken.getLocalPort() + " is in use", dir, "--port", taken.getLocalPort());
    }
  }

  private static void refused(String why, Object... words) {
    Object[] all = new Object[words.length + 1];
    all[0] = "studio";
    System.arraycopy(words, 0, all, 1, words.length);
    Call c = call(all);
    assertEquals(2, c.status(), c.err());
    assertTrue(c.err().contains(why), c.err());
  }
}
