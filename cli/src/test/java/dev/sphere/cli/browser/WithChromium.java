package dev.sphere.cli.browser;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Hands tests a {@link Chromium}: one for all of them, as each takes a second to start. Without one they are skipped. */
final class WithChromium implements BeforeAllCallback, ParameterResolver {
  private static final ExtensionContext.Namespace OURS = ExtensionContext.Namespace.create(WithChromium.class);

  @Override
  public void beforeAll(ExtensionContext context) {
    assumeTrue(Chromium.installed() != null, "no Chromium is installed: apt-get install chromium");
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == Chromium.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return context.getRoot().getStore(OURS).computeIfAbsent(Chromium.class, _ -> {
      try {
        return Chromium.start();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }, Chromium.class);
  }
}
