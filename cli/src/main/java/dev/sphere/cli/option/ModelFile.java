package dev.sphere.cli.option;

import dev.sphere.engine.embedded.ModelSource;
import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a model on the command line: a GGUF file, or the name of an embedded model. Anything else is exit status 2. */
public final class ModelFile implements ITypeConverter<Path> {
  @Override
  public Path convert(String nameOrPath) {
    try {
      return ModelSource.resolve(nameOrPath);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }
}
