package dev.sphere.trainer.optim;

import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import io.soabase.recordbuilder.core.RecordBuilder;

/** The optimizer and its numbers. Weight decay is decoupled (arXiv 1711.05101) and spares norms and biases. */
@RecordBuilder
public record OptimizerSettings(
    @Setting(name = "optimizer", def = "adamw", label = "NAME", help = "The optimizer.")
    Kind kind,
    @Setting(def = "1e-5", range = "[0, )", label = "LR", source = "TRL's guide for LoRA",
        help = "Peak of the learning rate; full fine-tuning wants less.")
    double learningRate,
    @Setting(def = "0", range = "[0, )", label = "D", help = "Decoupled weight decay; norms and biases have none.")
    double weightDecay,
    @Setting(def = "0.9", range = "[0, 1)", label = "B", needs = "optimizer=adamw", help = "AdamW's first decay.")
    double beta1,
    @Setting(def = "0.999", range = "[0, 1)", label = "B", needs = "optimizer=adamw", help = "AdamW's second decay.")
    double beta2,
    @Setting(name = "adam_epsilon", def = "1e-8", range = "(0, )", label = "E", needs = "optimizer=adamw",
        help = "AdamW's epsilon.")
    double epsilon,
    @Setting(def = "0", range = "[0, 1)", label = "M", needs = "optimizer=sgd",
        help = "SGD's momentum; 0 is plain SGD.")
    double momentum,
    @Setting(def = "1", range = "[0, )", label = "G", help = "Gradients are scaled down to this norm; 0: never.")
    double maxGradNorm) implements OptimizerSettingsBuilder.With {
  public enum Kind {
    ADAMW,
    SGD
  }

  public OptimizerSettings {
    SettingsTree.requireRanges(
        OptimizerSettings.class, kind, learningRate, weightDecay, beta1, beta2, epsilon, momentum, maxGradNorm);
    if (weightDecay * learningRate >= 1) {
      throw new IllegalArgumentException("weight decay must be in [0, 1 / learning rate): " + weightDecay);
    }
  }

  /** AdamW with betas 0.9 and 0.999, no weight decay, clipping at norm 1. */
  public static OptimizerSettings adamw(double learningRate) {
    return new OptimizerSettings(Kind.ADAMW, learningRate, 0, 0.9, 0.999, 1e-8, 0, 1);
  }

  /** SGD with momentum, no weight decay, clipping at norm 1. */
  public static OptimizerSettings sgd(double learningRate, double momentum) {
    return new OptimizerSettings(Kind.SGD, learningRate, 0, 0.9, 0.999, 1e-8, momentum, 1);
  }

  public OptimizerSettings withBetas(double first, double second) {
    return withBeta1(first).withBeta2(second);
  }
}
