package dev.sphere.trainer.optim;

import dev.sphere.bindings.kernel.OptimizerKernels;
import dev.sphere.bindings.kernel.OptimizerKernels.AdamWStep;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.trainer.Parameter;
import java.util.ArrayList;
import java.util.List;

/** AdamW (Loshchilov and Hutter, arXiv 1711.05101), one fused pass over each parameter. */
final class AdamW extends Optimizer {
  private final List<NativeFloats> first = new ArrayList<>();
  private final List<NativeFloats> second = new ArrayList<>();

  AdamW(OptimizerSettings settings, List<Parameter> parameters, int threads) {
    super(settings, parameters, threads);
    for (Parameter p : parameters) {
      first.add(allocate(p, "m"));
      second.add(allocate(p, "v"));
    }
  }

  @Override
  void update(int index, Parameter p, double learningRate, float keep, float gradientScale) {
    double correction1 = 1 - Math.pow(settings.beta1(), steps());
    double correction2 = 1 - Math.pow(settings.beta2(), steps());
    AdamWStep step = new AdamWStep(
        gradientScale, keep, (float) (learningRate / correction1), (float) settings.beta1(), (float) settings.beta2(),
        (float) (1 / Math.sqrt(correction2)), (float) settings.epsilon());
    OptimizerKernels.adamw(p.value(), p.gradient(), first.get(index), second.get(index), step, true, threads);
  }
}
