package dev.sphere.web.serve;

import dev.sphere.engine.StopRule;
import dev.sphere.web.Request;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Computes an answer while it watches its client. The JDK's server notices that a client has left only when it writes,
 * so a waiting client gets white space each second, which JSON allows before the object. When writing fails the
 * computation is interrupted, and its rows are freed.
 */
final class AnswerSender {
  private static final int A_SECOND = 1000; // milliseconds

  private final Request http;
  private final Completion completion;
  private final CompletionRequest request;
  private final AnswerForm form;
  private final BlockingQueue<Object> parts = new LinkedBlockingQueue<>(); // of a stream: chunks, then this
  private final int[] sent; // of a stream: characters of each choice

  AnswerSender(Request http, CompletionRequest request) {
    this.http = http;
    this.request = request;
    this.completion = new Completion(request);
    this.form = new AnswerForm(request);
    this.sent = new int[request.prompts().size() * request.choices()];
  }

  /** Sends the answer; returns the number of generated tokens. */
  int send() throws IOException {
    FutureTask<List<Completion.Choice>> task = new FutureTask<>(
        () -> request.stream() ? completion.all(this::streamed) : completion.all()) {
      @Override
      protected void done() {
        parts.add(AnswerSender.this);
      }
    };
    Thread worker = Thread.startVirtualThread(task);
    try {
      List<Completion.Choice> choices = request.stream() ? stream(task) : whole(task);
      return choices.stream().mapToInt(c -> c.tokens().length).sum();
    } catch (InterruptedException e) {
      throw new InterruptedIOException("the server ends");
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
    } finally {
      worker.interrupt();
    }
  }

  private List<Completion.Choice> whole(FutureTask<List<Completion.Choice>> task)
      throws IOException, InterruptedException, ExecutionException {
    OutputStream out = null;
    while (true) {
      try {
        List<Completion.Choice> choices = task.get(A_SECOND, TimeUnit.MILLISECONDS);
        if (out == null) {
          http.sendJson(form.whole(choices));
        } else {
          out.write(JsonMapper.shared().writeValueAsBytes(form.whole(choices)));
        }
        return choices;
      } catch (TimeoutException e) {
        out = out != null ? out : http.stream("application/json");
        out.write(' ');
        out.flush();
      }
    }
  }

  private List<Completion.Choice> stream(FutureTask<List<Completion.Choice>> task)
      throws IOException, InterruptedException, ExecutionException {
    OutputStream out = http.stream("text/event-stream");
    for (int i = 0; request.chat() && i < sent.length; i++) {
      event(out, form.begin(i));
    }
    for (Object part = null; part != this; part = parts.poll(A_SECOND, TimeUnit.MILLISECONDS)) {
      if (part == null) {
        out.write(":\n\n".getBytes(StandardCharsets.US_ASCII)); // a comment, to notice a client that has left
        out.flush();
      } else {
        event(out, part);
      }
    }
    List<Completion.Choice> choices = task.get();
    for (Completion.Choice c : choices) {
      String rest = c.text().substring(sent[c.index()]); // what might have begun a stop string
      if (!rest.isEmpty()) {
        event(out, form.part(c.index(), rest));
      }
      event(out, form.end(c));
    }
    if (request.streamUsage()) {
      event(out, form.counts(choices.stream().mapToInt(c -> c.tokens().length).sum()));
    }
    out.write("data: [DONE]\n\n".getBytes(StandardCharsets.US_ASCII));
    return choices;
  }

  private static void event(OutputStream out, Object chunk) throws IOException {
    out.write(("data: " + JsonMapper.shared().writeValueAsString(chunk) + "\n\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  /** A choice's stop rule, which puts the text that is certain into the stream as it grows. */
  private StopRule streamed(int index) {
    StopStrings stop = request.stop();
    return new StopRule() {
      @Override
      public boolean stop(CharSequence text, int newFrom) {
        String all = text.toString();
        int at = stop.at(all, newFrom);
        int safe = at >= 0 ? at : stop.safe(all);
        if (safe > sent[index]) {
          parts.add(form.part(index, all.substring(sent[index], safe)));
          sent[index] = safe;
        }
        return at >= 0;
      }

      @Override
      public boolean atEndToken() {
        return stop.atEndToken();
      }
    };
  }
}
