package dev.sphere.web.studio;

import dev.sphere.web.HttpError;
import dev.sphere.web.LocalServer;
import dev.sphere.web.Request;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Path;

/** Serves the studio to browsers of this machine. */
public final class StudioServer implements AutoCloseable {
  private final StudioApi api;
  private final LocalServer server;

  /**
   * Starts.
   *
   * @param folder of runs, or a run itself
   * @param port 0 for a free one
   * @throws IllegalArgumentException when the folder is not there or the port is in use
   */
  public StudioServer(Path folder, int port) {
    this.api = new StudioApi(folder);
    this.server = new LocalServer(port, this::answer);
  }

  /** The studio's address, token included. */
  public URI address() {
    return server.address();
  }

  @Override
  public void close() {
    api.close();
    server.close();
  }

  private void answer(Request request) throws IOException {
    String path = request.path();
    boolean post = request.isPost();
    if (post && path.startsWith("api/")) {
      request.sendJson(api.post(path.substring(4), request.query(), request.json(1 << 16)));
    } else if (post) {
      throw new HttpError(405, "only GET is answered here");
    } else if (path.equals("api/events")) {
      try (OutputStream out = request.stream("text/event-stream")) {
        new StudioEvents(api, out).follow(request.query(), request.header("Last-Event-ID"));
      }
    } else if (path.startsWith("api/")) {
      request.sendJson(api.get(path.substring(4), request.query()));
    } else {
      request.sendFile(StudioFiles.find(path)
          .orElseThrow(() -> new HttpError(404, "the studio has no page of that name")));
    }
  }
}
