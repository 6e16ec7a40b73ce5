package dev.sphere.trainer.optim;

import dev.sphere.bindings.kernel.OptimizerKernels;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.trainer.Parameter;
import java.util.ArrayList;
import java.util.List;

/**
 * Steps a model's parameters along their gradients. Owns its state (moments), in native memory. Not thread-safe.
 */
public abstract sealed class Optimizer implements AutoCloseable permits AdamW, Sgd {
  /** A parameter's moment, under the names of both. */
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

  /** Global 2-norm of the gradients, in double precision and in a fixed order; NaN or infinite when a gradient is. */
  public final double gradientNorm() {
    double sum = 0;
    for (Parameter p : parameters) {
      sum += OptimizerKernels.sumSquares(p.gradient(), threads);
    }
    return Math.sqrt(sum);
  }

  /** The factor that scales a gradient of this norm down to the largest allowed norm; at most 1. */
  public final double clipFactor(double norm) {
    double most = settings.maxGradNorm();
    return most > 0 && norm > most ? most / norm : 1;
  }

  /**
   * Makes one step and clears the gradients.
   *
   * @param gradientScale factor on the gradients, for clipping
   */
  public final void step(double learningRate, double gradientScale) {
    steps++;
    for (int i = 0; i < parameters.size(); i++) {
      Parameter p = parameters.get(i);
      double keep = p.decay() ? 1 - learningRate * settings.weightDecay() : 1;
      update(i, p, learningRate, (float) keep, (float) gradientScale);
    }
  }

  public final void clearGradients() {
    parameters.forEach(p -> OptimizerKernels.zero(p.gradient()));
  }

  /** Steps made so far. */
  public final long steps() {
    return steps;
  }

  /** Sets the number of steps, when a checkpoint is restored. */
  public final void restoreSteps(long made) {
    steps = made;
  }

  /** All moments in a fixed order, to be saved and restored in place. */
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
    states.forEach(s -> s.values().close());
  }
}
