package dev.sphere.trainer.optim;

import dev.sphere.bindings.kernel.OptimizerKernels;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.trainer.Parameter;
import java.util.ArrayList;
import java.util.List;

/** Stochastic gradient descent with optional momentum. */
final class Sgd extends Optimizer {
  private final List<NativeFloats> velocities = new ArrayList<>();

  Sgd(OptimizerSettings settings, List<Parameter> parameters, int threads) {
    super(settings, parameters, threads);
    for (Parameter p : parameters) {
      velocities.add(settings.momentum() > 0 ? allocate(p, "velocity") : null);
    }
  }

  @Override
  void update(int index, Parameter p, double learningRate, float keep, float gradientScale) {
    OptimizerKernels.sgd(p.value(), p.gradient(), velocities.get(index), gradientScale, keep, (float) learningRate,
        (float) settings.momentum(), true, threads);
  }
}
