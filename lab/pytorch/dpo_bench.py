#!/usr/bin/env python3
"""A LoRA DPO step in plain PyTorch, the baseline for `sphere bench train`.

The model is Qwen2's (RMSNorm, rotary embedding, grouped-query attention through scaled_dot_product_attention, SwiGLU,
tied head) with random weights: speed and memory depend on shapes alone. LoRA on all linear layers, gradient
checkpointing by layer, logits only where a completion is predicted, chosen and rejected in one batch, reference from the
same weights with the adapters off. Prints one JSON object as its last line.
"""

import argparse
import json
import math
import resource
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

SHAPES = {
    # layers, width, heads, key-value heads, head size, feed-forward, vocabulary
    "qwen2.5-0.5b": (24, 896, 14, 2, 64, 4864, 151936),
    "qwen2-30m": (10, 512, 8, 2, 64, 1536, 259),
    "tiny": (2, 64, 4, 2, 16, 160, 512),
}


class Linear(nn.Module):
    """A frozen linear layer and its adapter (F32 masters, computed in the base's type)."""

    def __init__(self, inputs, outputs, bias, dtype, rank, alpha):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, dtype=dtype) * 0.02, requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(outputs, dtype=dtype), requires_grad=False) if bias else None
        self.a = nn.Parameter(torch.empty(rank, inputs).uniform_(-1, 1) / math.sqrt(inputs))
        self.b = nn.Parameter(torch.zeros(outputs, rank))
        self.scale = alpha / rank
        self.on = True

    def forward(self, x):
        y = F.linear(x, self.weight, self.bias)
        if self.on:
            y = y + F.linear(F.linear(x, self.a.to(x.dtype)) * self.scale, self.b.to(x.dtype))
        return y


def rms_norm(x, weight, eps=1e-6):
    h = x.float()
    return (h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + eps)).to(x.dtype) * weight


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Layer(nn.Module):
    def __init__(self, shape, dtype, rank, alpha):
        super().__init__()
        _, width, self.heads, self.kv, self.size, inner, _ = shape
        make = lambda i, o, bias=False: Linear(i, o, bias, dtype, rank, alpha)
        self.q = make(width, self.heads * self.size, True)
        self.k = make(width, self.kv * self.size, True)
        self.v = make(width, self.kv * self.size, True)
        self.o = make(self.heads * self.size, width)
        self.gate, self.up, self.down = make(width, inner), make(width, inner), make(inner, width)
        self.norm1 = nn.Parameter(torch.ones(width, dtype=dtype), requires_grad=False)
        self.norm2 = nn.Parameter(torch.ones(width, dtype=dtype), requires_grad=False)

    def forward(self, x, cos, sin):
        n, t, _ = x.shape
        h = rms_norm(x, self.norm1)
        q = rotate(self.q(h).view(n, t, self.heads, self.size).transpose(1, 2), cos, sin)
        k = rotate(self.k(h).view(n, t, self.kv, self.size).transpose(1, 2), cos, sin)
        v = self.v(h).view(n, t, self.kv, self.size).transpose(1, 2)
        k = k.repeat_interleave(self.heads // self.kv, 1)
        v = v.repeat_interleave(self.heads // self.kv, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(y.transpose(1, 2).reshape(n, t, -1))
        h = rms_norm(x, self.norm2)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Model(nn.Module):
    def __init__(self, shape, dtype, rank, alpha):
        super().__init__()
        layers, width, _, _, size, _, vocabulary = shape
        self.embedding = nn.Parameter(torch.randn(vocabulary, width, dtype=dtype) * 0.02, requires_grad=False)
        self.layers = nn.ModuleList(Layer(shape, dtype, rank, alpha) for _ in range(layers))
        self.norm = nn.Parameter(torch.ones(width, dtype=dtype), requires_grad=False)
        self.frequencies = 1e6 ** (-torch.arange(0, size, 2).float() / size)

    def adapters(self, on):
        for m in self.modules():
            if isinstance(m, Linear):
                m.on = on

    def forward(self, tokens, prompt):
        """Sum of the completion tokens' log-probabilities for each row."""
        angles = torch.arange(tokens.shape[1]).float()[:, None] * self.frequencies
        cos, sin = angles.cos().to(self.embedding.dtype), angles.sin().to(self.embedding.dtype)
        x = F.embedding(tokens, self.embedding)
        for layer in self.layers:
            x = checkpoint(layer, x, cos, sin, use_reentrant=False) if torch.is_grad_enabled() else layer(x, cos, sin)
        h = rms_norm(x[:, prompt - 1 : -1], self.norm)
        logits = F.linear(h, self.embedding).float()
        targets = tokens[:, prompt:]
        return -F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets).sum(1)


def gemm_rate(dtype, threads):
    """GFLOP/s of this build's own product on a feed-forward layer's shape."""
    x, w = torch.randn(1024, 896).to(dtype), torch.randn(4864, 896).to(dtype)
    best = 0
    with torch.no_grad():
        for _ in range(8):
            t = time.perf_counter()
            F.linear(x, w)
            best = max(best, 2 * 1024 * 896 * 4864 / (time.perf_counter() - t) / 1e9)
    return best


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--shape", choices=SHAPES, default="qwen2.5-0.5b")
    p.add_argument("--dtype", choices=("f32", "bf16"), default="f32")
    p.add_argument("--pairs", type=int, default=1, help="pairs of a step")
    p.add_argument("--length", type=int, default=512, help="tokens of each sequence")
    p.add_argument("--prompt", type=int, default=128, help="tokens of the prompt, of which none are predicted")
    p.add_argument("--steps", type=int, default=3, help="timed, after one to warm up")
    p.add_argument("--rank", type=int, default=16)
    p.add_argument("--threads", type=int, default=torch.get_num_threads())
    o = p.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(o.threads)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[o.dtype]
    shape = SHAPES[o.shape]
    rate = gemm_rate(dtype, o.threads)
    model = Model(shape, dtype, o.rank, 2.0 * o.rank)
    trained = [q for q in model.parameters() if q.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, fused=True)
    tokens = torch.randint(shape[-1], (2 * o.pairs, o.length))
    tokens[1::2, : o.prompt] = tokens[0::2, : o.prompt]
    seconds = []
    for step in range(o.steps + 1):
        t = time.perf_counter()
        model.adapters(False)
        with torch.no_grad():
            reference = model(tokens, o.prompt)
        model.adapters(True)
        policy = model(tokens, o.prompt)
        margins = policy - reference
        loss = -F.logsigmoid(0.1 * (margins[0::2] - margins[1::2])).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step > 0:
            seconds.append(time.perf_counter() - t)
        print(f"step {step}: {time.perf_counter() - t:.2f} s, loss {loss.item():.4f}", flush=True)
    n = tokens.numel()
    print(json.dumps({
        "torch": torch.__version__, "shape": o.shape, "dtype": o.dtype, "threads": o.threads, "pairs": o.pairs,
        "length": o.length, "prompt": o.prompt, "rank": o.rank,
        "tokens_per_second": round(n / statistics.median(seconds), 1), "fastest": round(n / min(seconds), 1),
        "slowest": round(n / max(seconds), 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "gemm_gflops": round(rate, 1),
    }))


if __name__ == "__main__":
    main()
