#!/usr/bin/env python3
"""Values and gradients of the preference losses, by PyTorch's autograd in double precision.

    python3 lab/pytorch/losses.py > trainer/src/test/resources/dev/sphere/trainer/loss/losses.csv

Written from the definitions of TRL 1.10 (trl/trainer/dpo_trainer.py, _compute_loss) without looking at Sphere's own; LossTableTest
compares Sphere with the table. Two terms of TRL overflow for log-ratios in the thousands and are written here so that they
do not: forward_kl's exponent stops at 80, as TRL's alpha_divergence does, and discopop's exponential is
exp(log sigmoid(x / tau) - x). Where TRL's own form is finite the two are compared first.
"""
import torch
import torch.nn.functional as F

BETA, ALPHA, TAU = 0.3, 0.5, 0.05
SMOOTHED = {"robust", "exo_pair", "aot", "aot_unpaired"}
LOSSES = ["sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired",
          "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm"]
DIVERGENCES = ["reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"]


def batch(scale, seed):
    """Log-probabilities of 5 pairs whose ratios to the reference are of about this size."""
    g = torch.Generator().manual_seed(seed)
    ref = -(20 + 3 * scale + 10 * torch.rand(2, 5, generator=g, dtype=torch.float64))
    ratio = scale * torch.randn(2, 5, generator=g, dtype=torch.float64)
    if scale > 1000:
        ratio = ratio.clamp(-1e4, 1e4)
        ratio[:, 0] = torch.tensor([1e4, -1e4])
        ratio[:, 1] = torch.tensor([-1e4, 1e4])
        ratio[:, 2] = torch.tensor([-1e4, -1e4])
    tokens = torch.randint(1, 40, (2, 5), generator=g)
    # Written with few digits, so that both sides read the same numbers.
    return (ref + ratio).mul(64).round().div(64), ref.mul(64).round().div(64), tokens


def score(kind, ratio):
    if kind == "reverse_kl":
        return ratio
    if kind == "forward_kl":
        return -torch.exp((-ratio).clamp(max=80))
    if kind == "js_divergence":
        return F.logsigmoid(ratio)
    return torch.exp(((ALPHA - 1) * ratio).clamp(max=80)) / (ALPHA - 1)


def smoothed(x, e):
    return -F.logsigmoid(x) * (1 - e) - F.logsigmoid(-x) * e


def per_pair(name, w, l, ref_w, ref_l, nw, nl, divergence, e):
    ratio_w, ratio_l = w - ref_w, l - ref_l
    sw, sl = score(divergence, ratio_w), score(divergence, ratio_l)
    x = BETA * (sw - sl)
    if name == "sigmoid":
        return smoothed(x, e)
    if name == "hinge":
        return torch.relu(1 - x)
    if name == "ipo":
        return (sw / nw - sl / nl - 1 / (2 * BETA)) ** 2
    if name == "exo_pair":
        pw, pl = torch.log1p(-torch.tensor(e)), torch.log(torch.tensor(e))
        return torch.sigmoid(x) * (F.logsigmoid(x) - pw) + torch.sigmoid(-x) * (F.logsigmoid(-x) - pl)
    if name == "nca_pair":
        return -F.logsigmoid(BETA * sw) - 0.5 * F.logsigmoid(-BETA * sw) - 0.5 * F.logsigmoid(-BETA * sl)
    if name == "robust":
        return (-(1 - e) * F.logsigmoid(x) + e * F.logsigmoid(-x)) / (1 - 2 * e)
    if name == "bco_pair":
        return -F.logsigmoid(BETA * sw) - F.logsigmoid(-BETA * sl)
    if name == "sppo_hard":
        return (sw - 0.5 / BETA) ** 2 + (sl + 0.5 / BETA) ** 2
    if name == "aot":
        return smoothed(BETA * (torch.sort(w - l)[0] - torch.sort(ref_w - ref_l)[0]), e)
    if name == "aot_unpaired":
        return smoothed(BETA * (torch.sort(ratio_w)[0] - torch.sort(ratio_l)[0]), e)
    if name == "apo_zero":
        return 1 - torch.sigmoid(BETA * ratio_w) + torch.sigmoid(BETA * ratio_l)
    if name == "apo_down":
        return torch.sigmoid(BETA * ratio_w) + 1 - torch.sigmoid(x)
    if name == "discopop":
        mix = torch.sigmoid(x / TAU)
        loss = (1 - mix) * -F.logsigmoid(x) + torch.exp(F.logsigmoid(x / TAU) - x)
        naive = (1 - mix) * -F.logsigmoid(x) + mix * torch.exp(-x)
        finite = torch.isfinite(naive)
        assert torch.allclose(loss[finite], naive[finite], rtol=1e-12, atol=0)
        return loss
    if name == "sft":
        return (-w.sum() / nw.sum()).expand(5)
    if name == "sigmoid_norm":
        return -F.logsigmoid(BETA * (sw / nw - sl / nl))
    raise ValueError(name)


def text(values):
    return ";".join("%.15g" % v for v in values)


def main():
    torch.set_default_dtype(torch.float64)
    print("# python3 lab/pytorch/losses.py: beta %g, alpha %g, tau %g; inputs first, then results" % (BETA, ALPHA, TAU))
    batches = {"near": batch(1, 1), "far": batch(30, 2), "extreme": batch(5000, 3)}
    for name, (logp, ref, tokens) in batches.items():
        print(",".join(["batch", name, text(logp[0]), text(logp[1]), text(ref[0]), text(ref[1]), text(tokens[0]), text(tokens[1])]))
    for name, (logp, ref, tokens) in batches.items():
        for loss in LOSSES:
            for divergence in DIVERGENCES:
                for e in {"sigmoid": [0, 0.1], "exo_pair": [1e-3, 0.1]}.get(loss, [0, 0.1] if loss in SMOOTHED else [0]):
                    w, l = logp[0].clone().requires_grad_(), logp[1].clone().requires_grad_()
                    value = per_pair(loss, w, l, ref[0], ref[1], tokens[0], tokens[1], divergence, e).mean()
                    by = torch.autograd.grad(value, (w, l), allow_unused=True)
                    by = [torch.zeros(5) if g is None else g for g in by]
                    assert torch.isfinite(value) and all(torch.isfinite(g).all() for g in by), (name, loss, divergence)
                    print(",".join([name, loss, divergence, "%g" % e, "%.15g" % value.item(), text(by[0]), text(by[1])]))


main()
