package dev.sphere.cli.command.web;

import static dev.sphere.cli.command.Call.call;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.command.Call;
import org.junit.jupiter.api.Test;

/** Mistakes in the call; what is answered is looked at in {@code InferenceServerTest}. */
class ServeCommandTest {
  @Test
  void mistakesHaveStatusTwoAndSayWhat() {
    refused("--port must be from 0 to 65535: -1", "--model", "embedded", "--port", "-1");
    refused("--host 0.0.0.0 can be reached from other machines: give --api-key",
        "--model", "embedded", "--host", "0.0.0.0", "--port", "0");
    refused("nowhere.gguf", "--model", "embedded", "--adapter", "a=nowhere.gguf");
  }

  private static void refused(String why, Object... words) {
    Object[] all = new Object[words.length + 1];
    all[0] = "serve";
    System.arraycopy(words, 0, all, 1, words.length);
    Call called = call(all);
    assertEquals(2, called.status(), called.err());
    assertTrue(called.err().contains(why), called.err());
  }
}
