package dev.sphere.trainer.optim;

import dev.sphere.bindings.kernel.OptimizerKernels;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.trainer.Parameter;
import java.util.ArrayList;
import java.util.List;

/**
 * Steps a model's parameters along their gradients. Owns its state (moments), in native memory. Not thread-safe; close
 * is idempotent and leaves the parameters alone.
 */
public abstract sealed class Optimizer implements AutoCloseable permits AdamW, Sgd {
  /** A piece of state: the parameter's name and which moment it is. */
  public record State(String name, NativeFloats values) {}

  final OptimizerSettings settings;
  final List<Parameter> parameters;
  final int threads;
  private final List<State> states = new ArrayList<>();
  private long steps;

  Optimizer(OptimizerSettings settings, List<Parameter> parameters, int threads) {
    this.settings = settings;
    this.parameters = List.copyOf(parameters);
    this.threads = threads;
  }

  /** The optimizer that the settings name. */
  public static Optimizer create(OptimizerSettings settings, List<Parameter> parameters, int threads) {
    return switch (settings.kind()) {
      case ADAMW -> new AdamW(settings, parameters, threads);
      case SGD -> new Sgd(settings, parameters, threads);
    };
  }

  /**
   * Global 2-norm of the gradients, in double precision and in a fixed order; NaN or infinite when a gradient is.
   */
  public final double gradientNorm() {
    double sum = 0;
    for (Parameter p : parameters) {
      sum += OptimizerKernels.sumSquares(p.gradient(), threads);
    }
    return Math.sqrt(sum);
  }

  /** The factor that brings a gradient of this norm to the largest allowed norm: 1 when it is below it. */
  public final double clipFactor(double norm) {
    double most = settings.maxGradNorm();
    return most > 0 && norm > most ? most / norm : 1;
  }

  /**
   * One step; the gradients are cleared in the same pass.
   *
   * @param learningRate the rate of this step
   * @param gradientScale factor on the gradients (clipping)
   */
  public final void step(double learningRate, double gradientScale) {
    steps++;
    for (int i = 0; i < parameters.size(); i++) {
      Parameter p = parameters.get(i);
      double keep = p.decay() ? 1 - learningRate * settings.weightDecay() : 1;
      update(i, p, learningRate, (float) keep, (float) gradientScale);
    }
  }

  /** Clears the gradients. */
  public final void clearGradients() {
    for (Parameter p : parameters) {
      OptimizerKernels.zero(p.gradient());
    }
  }

  /** Steps made so far. */
  public final long steps() {
    return steps;
  }

  /** Sets the count of steps, when a checkpoint is restored. */
  public final void restoreSteps(long made) {
    steps = made;
  }

  /** All state in a fixed order, to be saved and restored in place. */
  public final List<State> states() {
    return List.copyOf(states);
  }

  abstract void update(int index, Parameter p, double learningRate, float keep, float gradientScale);

  final NativeFloats allocate(Parameter p, String moment) {
    NativeFloats values = p.value().allocateBeside(p.value().size());
    states.add(new State(p.name() + "." + moment, values));
    return values;
  }

  @Override
  public final void close() {
    for (State s : states) {
      s.values().close();
    }
  }
}
