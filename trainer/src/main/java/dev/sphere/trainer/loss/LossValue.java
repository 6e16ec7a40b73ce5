package dev.sphere.trainer.loss;

/**
 * The loss of some pairs of a step and its gradient.
 *
 * @param loss the share of these pairs in the step's mean loss
 * @param dChosen derivative of the step's loss by each pair's chosen log-probability
 * @param dRejected derivative by each pair's rejected log-probability
 * @param dChosenWhole derivative by each {@link PairBatch#chosenWhole}; 0 where the batch has none
 */
public record LossValue(double loss, double[] dChosen, double[] dRejected, double[] dChosenWhole) {}
