package dev.sphere.trainer.loss;

/**
 * A loss and its gradient.
 *
 * @param loss the share of these pairs in the step's mean loss; over all micro-batches of a step the shares add up to it
 * @param dChosen derivative of the step's loss by each pair's chosen log-probability
 * @param dRejected derivative by each pair's rejected log-probability
 * @param dChosenWhole derivative by each {@link PairBatch#chosenWhole}; 0 where the batch has none
 */
public record LossValue(double loss, double[] dChosen, double[] dRejected, double[] dChosenWhole) {}
